using System.Runtime.InteropServices;
using System.Text;

namespace DimensionStore.Benchmarks.Peers;

/// <summary>SQLite as the system ships it, called directly with one prepared statement in one transaction over a mapped file: its fastest way to read.</summary>
internal sealed unsafe partial class Sqlite : IDisposable
{
    private const string Library = "libsqlite3.so.0";
    private const int Row = 100;
    private const int Done = 101;
    private readonly nint _database;
    private nint _select;

    private Sqlite(string path)
    {
        Check(OpenDatabase(path, out _database, 6, null));
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
        using Sqlite sqlite = new(path);
        sqlite.Execute("create table entry(keyword text primary key, content text) without rowid");
        sqlite.Execute("begin");
        Check(Prepare(sqlite._database, "insert into entry values(?,?)", -1, out nint insert, 0));
        foreach ((string key, string value) in items)
        {
            byte[] keyBytes = Encoding.UTF8.GetBytes(key);
            byte[] valueBytes = Encoding.UTF8.GetBytes(value);
            fixed (byte* k = keyBytes, v = valueBytes)
            {
                Check(BindText(insert, 1, k, keyBytes.Length, 0));
                Check(BindText(insert, 2, v, valueBytes.Length, 0));
                int step = Step(insert);
                if (step != Done)
                {
                    throw new InvalidOperationException($"SQLite returned {step}.");
                }

                Check(Reset(insert));
            }
        }

        _ = FinalizeStatement(insert);
        sqlite.Execute("commit");
    }

    public static Sqlite Open(string path)
    {
        Sqlite sqlite = new(path);
        sqlite.Execute("pragma mmap_size=268435456");
        sqlite.Execute("begin");
        Check(Prepare(sqlite._database, "select content from entry where keyword=?", -1, out sqlite._select, 0));
        return sqlite;
    }

    /// <summary>The value's bytes, valid until the next call.</summary>
    public ReadOnlySpan<byte> Get(ReadOnlySpan<char> key)
    {
        Span<byte> utf8 = stackalloc byte[512];
        int length = Encoding.UTF8.GetBytes(key, utf8);
        _ = Reset(_select);
        fixed (byte* k = utf8)
        {
            // -1 is SQLITE_TRANSIENT: SQLite copies the key, which lives on this stack frame only.
            _ = BindText(_select, 1, k, length, -1);
        }

        return Step(_select) == Row
            ? new ReadOnlySpan<byte>(ColumnText(_select, 0), ColumnBytes(_select, 0))
            : default;
    }

    public void Dispose()
    {
        if (_select != 0)
        {
            _ = FinalizeStatement(_select);
        }

        _ = CloseDatabase(_database);
    }

    private void Execute(string sql)
    {
        Check(Prepare(_database, sql, -1, out nint statement, 0));
        int step = Step(statement);
        _ = FinalizeStatement(statement);
        if (step is not (Row or Done))
        {
            throw new InvalidOperationException($"SQLite returned {step} for {sql}.");
        }
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"SQLite returned {result}.");
        }
    }

    [LibraryImport(Library, EntryPoint = "sqlite3_open_v2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDatabase(string path, out nint database, int flags, string? vfs);

    [LibraryImport(Library, EntryPoint = "sqlite3_close_v2")]
    private static partial int CloseDatabase(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_prepare_v2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Prepare(nint database, string sql, int bytes, out nint statement, nint tail);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_text")]
    private static partial int BindText(nint statement, int index, byte* text, int length, nint destructor);

    [LibraryImport(Library, EntryPoint = "sqlite3_step")]
    private static partial int Step(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_reset")]
    private static partial int Reset(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_finalize")]
    private static partial int FinalizeStatement(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_text")]
    private static partial byte* ColumnText(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_bytes")]
    private static partial int ColumnBytes(nint statement, int column);
}
