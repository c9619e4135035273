using System.Runtime.InteropServices;
using System.Text;

namespace DimensionStore.Benchmarks.Peers;

/// <summary>LMDB as the system ships it, called directly; a peer, so bound here and not in the product.</summary>
internal sealed unsafe partial class Lmdb : IDisposable
{
    private const string Library = "liblmdb.so.0";
    private const uint ReadOnly = 0x20000;
    private const uint NoSubdirectory = 0x4000;
    private const uint Create = 0x40000;
    private nint _environment;
    private nint _transaction;
    private uint _database;

    private Lmdb()
    {
    }

    public static bool IsAvailable
    {
        get
        {
            bool found = NativeLibrary.TryLoad(Library, out nint handle);
            if (found)
            {
                NativeLibrary.Free(handle);
            }

            return found;
        }
    }

    public static void Build(string path, IEnumerable<KeyValuePair<string, string>> items)
    {
        Check(EnvCreate(out nint environment));
        Check(EnvSetMapSize(environment, 1u << 28));
        Check(EnvOpen(environment, path, NoSubdirectory, 0x1A4));
        Check(TxnBegin(environment, 0, 0, out nint transaction));
        Check(DbiOpen(transaction, null, Create, out uint database));
        foreach ((string key, string value) in items)
        {
            byte[] keyBytes = Encoding.UTF8.GetBytes(key);
            byte[] valueBytes = Encoding.UTF8.GetBytes(value);
            fixed (byte* k = keyBytes, v = valueBytes)
            {
                Value keyValue = new() { Size = (nuint)keyBytes.Length, Data = k };
                Value dataValue = new() { Size = (nuint)valueBytes.Length, Data = v };
                Check(Put(transaction, database, &keyValue, &dataValue, 0));
            }
        }

        Check(TxnCommit(transaction));
        EnvClose(environment);
    }

    public static Lmdb Open(string path)
    {
        Lmdb lmdb = new();
        Check(EnvCreate(out lmdb._environment));
        Check(EnvSetMapSize(lmdb._environment, 1u << 28));
        Check(EnvOpen(lmdb._environment, path, NoSubdirectory | ReadOnly, 0x1A4));
        Check(TxnBegin(lmdb._environment, 0, ReadOnly, out lmdb._transaction));
        Check(DbiOpen(lmdb._transaction, null, 0, out lmdb._database));
        return lmdb;
    }

    public ReadOnlySpan<byte> Get(ReadOnlySpan<char> key)
    {
        Span<byte> utf8 = stackalloc byte[512];
        int length = Encoding.UTF8.GetBytes(key, utf8);
        fixed (byte* k = utf8)
        {
            Value keyValue = new() { Size = (nuint)length, Data = k };
            Value dataValue;
            return Get(_transaction, _database, &keyValue, &dataValue) == 0
                ? new ReadOnlySpan<byte>(dataValue.Data, (int)dataValue.Size)
                : default;
        }
    }

    public void Dispose()
    {
        TxnAbort(_transaction);
        EnvClose(_environment);
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"LMDB returned {result}.");
        }
    }

    [LibraryImport(Library, EntryPoint = "mdb_env_create")]
    private static partial int EnvCreate(out nint environment);

    [LibraryImport(Library, EntryPoint = "mdb_env_set_mapsize")]
    private static partial int EnvSetMapSize(nint environment, nuint size);

    [LibraryImport(Library, EntryPoint = "mdb_env_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int EnvOpen(nint environment, string path, uint flags, uint mode);

    [LibraryImport(Library, EntryPoint = "mdb_env_close")]
    private static partial void EnvClose(nint environment);

    [LibraryImport(Library, EntryPoint = "mdb_txn_begin")]
    private static partial int TxnBegin(nint environment, nint parent, uint flags, out nint transaction);

    [LibraryImport(Library, EntryPoint = "mdb_txn_commit")]
    private static partial int TxnCommit(nint transaction);

    [LibraryImport(Library, EntryPoint = "mdb_txn_abort")]
    private static partial void TxnAbort(nint transaction);

    [LibraryImport(Library, EntryPoint = "mdb_dbi_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int DbiOpen(nint transaction, string? name, uint flags, out uint database);

    [LibraryImport(Library, EntryPoint = "mdb_put")]
    private static partial int Put(nint transaction, uint database, Value* key, Value* data, uint flags);

    [LibraryImport(Library, EntryPoint = "mdb_get")]
    [SuppressGCTransition]
    private static partial int Get(nint transaction, uint database, Value* key, Value* data);

    [StructLayout(LayoutKind.Sequential)]
    private struct Value
    {
        public nuint Size;
        public byte* Data;
    }
}
