using DimensionStore.Memory.Native;

namespace DimensionStore.Tests.Store;

/// <summary>
/// Eight readers against a thread that loads, replaces, unloads, evicts, closes and opens again. Every dimension's bytes are all alike, so that a reader sees at a glance
/// whether the memory under it is still what it was handed.
/// </summary>
internal sealed class LitmusRun : IDisposable
{
    public const byte Poison = 0xDD;
    private const int Readers = 8;
    private const int Size = 40_000;

    private static readonly int[] s_small = [1, 2, 3, 5, 20];

    private readonly StoreFolder _folder = new();
    private readonly List<MmapRegion> _poisoned = [];
    private readonly MemoryConfig _config;
    private readonly StoreSeams _seams;
    private readonly long[] _reads = new long[Readers];
    private MmapManager _store;
    private long _violations;
    private long _refusals;
    private bool _stop;
    private string? _unexpected;

    public LitmusRun(Residency residency, Func<TimeSpan, Func<bool>, bool>? drain, bool poison)
    {
        foreach (int id in s_small)
        {
            for (int version = 0; version < 3; version++)
            {
                StoreFolder.WriteBytes(id, Variant(id, version), Size + (version * 5000), (byte)((id * 4) + version + 1));
            }

            File.Copy(Variant(id, 0), _folder.PathOf(id));
        }

        _folder.WriteBytes(6, 850_000, 200);
        _config = _folder.Config with { TotalMemoryMb = 1, Residency = residency };
        StoreSeams real = StoreSeams.Real;
        _seams = new StoreSeams { Drain = drain ?? real.Drain, Dispose = poison ? PoisonInstead : real.Dispose };
        _store = new MmapManager(_config, _seams);
    }

    public long Violations => Volatile.Read(ref _violations);

    public long Refusals => Volatile.Read(ref _refusals);

    public long Reads => _reads.Sum();

    public string? Unexpected => Volatile.Read(ref _unexpected);

    /// <summary>Runs so many rounds of changes; each begins when somebody has read since the last one.</summary>
    public LitmusRun Run(int rounds, bool untilViolation = false)
    {
        Thread[] readers = [.. Enumerable.Range(0, Readers).Select(r => new Thread(() => Read(r)))];
        Array.ForEach(readers, r => r.Start());
        Random random = new(1);
        try
        {
            for (int round = 0; round < rounds && Unexpected is null && !(untilViolation && Violations > 0); round++)
            {
                long before = Reads;
                SpinWait wait = default;
                while (Reads == before)
                {
                    wait.SpinOnce();
                }

                Change(random, round);
            }
        }
        finally
        {
            Volatile.Write(ref _stop, true);
            Array.ForEach(readers, r => r.Join());
        }

        _store.Close();
        return this;
    }

    public void Dispose()
    {
        _store.Close();
        _poisoned.ForEach(r => r.Dispose());
        _folder.Dispose();
    }

    private void Change(Random random, int round)
    {
        DimensionId id = new(s_small[random.Next(s_small.Length)]);
        switch (round % 8)
        {
            case 0:
            case 4:
                _store.UnloadDimension(id);
                break;
            case 1:
            case 5:
                _store.LoadDimension(id, Variant(id.Value, random.Next(3)));
                break;
            case 2:
                // Larger than what the others leave free: they are evicted for it.
                _store.LoadDimension(new DimensionId(6));
                break;
            case 3:
                File.Copy(Variant(id.Value, random.Next(3)), _folder.PathOf(id.Value) + ".new");
                File.Move(_folder.PathOf(id.Value) + ".new", _folder.PathOf(id.Value), overwrite: true);
                _store.LoadDimension(id);
                break;
            case 6:
                _store.UnloadDimension(new DimensionId(6));
                foreach (int other in s_small)
                {
                    _store.LoadDimension(new DimensionId(other));
                }

                break;
            default:
                if (round % 24 == 7)
                {
                    _store.Close();
                    Volatile.Write(ref _store, new MmapManager(_config, _seams));
                }

                break;
        }
    }

    private void Read(int reader)
    {
        Random random = new(reader);
        while (!Volatile.Read(ref _stop))
        {
            MmapManager store = Volatile.Read(ref _store);
            try
            {
                DimensionId id = new(s_small[random.Next(s_small.Length)]);
                if (random.Next(3) == 0)
                {
                    using EntryAccess entry = store.Find(id, "BYTES");
                    Check(entry.ContentOf(0), id.Value);
                }
                else
                {
                    using LayerAccess outer = store.AccessLayer(new LayerId(id, 0));
                    Check(outer.Span, id.Value);
                    if (random.Next(16) == 0)
                    {
                        // Away for a while with the access open.
                        Thread.Yield();
                        Check(outer.Span, id.Value);
                    }
                    else if (random.Next(4) == 0)
                    {
                        using LayerAccess inner = store.AccessLayer(new LayerId(new DimensionId(s_small[random.Next(s_small.Length)]), 0));
                        Check(inner.Span, 0);
                        Check(outer.Span, id.Value);
                    }
                }
            }
            catch (Exception exception) when (exception is RegionNotFoundException or ObjectDisposedException)
            {
                Interlocked.Increment(ref _refusals);
            }
            catch (Exception exception)
            {
                Volatile.Write(ref _unexpected, exception.ToString());
            }

            Volatile.Write(ref _reads[reader], _reads[reader] + 1);

            // Eight readers on few processors: whoever has to make way does so here, and not inside a bracket that the other side then waits for.
            Thread.Yield();
        }
    }

    private void Check(ReadOnlySpan<byte> bytes, int id)
    {
        byte first = bytes[0];
        if (first == Poison || bytes.IndexOfAnyExcept(first) >= 0 || (id != 0 && (first - 1) / 4 != id))
        {
            Interlocked.Increment(ref _violations);
        }
    }

    private void PoisonInstead(MmapRegion region)
    {
        VirtualMemory.Protect(region.Address, (nuint)region.Size, PageAccess.ReadWrite);
        unsafe
        {
            new Span<byte>((void*)region.Address, (int)region.Size).Fill(Poison);
        }

        lock (_poisoned)
        {
            _poisoned.Add(region);
        }
    }

    private string Variant(int id, int version) => Path.Combine(_folder.FullPath, $"variant-{id}-{version}");
}
