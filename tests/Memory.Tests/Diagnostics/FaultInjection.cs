namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Misuses blocks of a <see cref="DiagnosticLayer"/> in one way many times over and counts what was found, by kind, address, size, owner and place.</summary>
internal sealed unsafe class FaultInjection
{
    private const int Batch = 200;

    /// <summary>Another allocator, whose blocks are foreign to the layer.</summary>
    private static readonly DualPoolAllocator s_elsewhere = new(DualPoolPlan.Classic);

    private readonly Random _random;
    private readonly MemoryFault _kind;
    private readonly HashSet<nint> _expected = [];
    private DiagnosticLayer _layer;

    private FaultInjection(MemoryFault kind, int seed)
    {
        _kind = kind;
        _random = new Random(seed);
        _layer = Create();
    }

    /// <summary>The kinds that the layer finds; the others are those of allocators that read and write by address.</summary>
    internal static IReadOnlyList<MemoryFault> Kinds { get; } =
    [
        MemoryFault.DoubleFree,
        MemoryFault.ForeignFree,
        MemoryFault.NotABlockStart,
        MemoryFault.WrongSize,
        MemoryFault.Overrun,
        MemoryFault.Underrun,
        MemoryFault.UseAfterFree,
        MemoryFault.Leak,
    ];

    /// <summary>Faults that were done.</summary>
    internal int Injected { get; private set; }

    /// <summary>Of these, the ones that were reported with the right kind and block.</summary>
    internal int Found { get; private set; }

    /// <summary>Reports about nothing that was done.</summary>
    internal int Invented { get; private set; }

    /// <summary>Injects faults of one kind.</summary>
    internal static FaultInjection Run(MemoryFault kind, int count, int seed = 1)
    {
        FaultInjection injection = new(kind, seed);
        injection.Inject(count, faulty: true);
        return injection;
    }

    /// <summary>Does what <see cref="Run"/> does, only without the faults.</summary>
    internal static FaultInjection RunClean(MemoryFault kind, int count, int seed = 1)
    {
        FaultInjection injection = new(kind, seed);
        injection.Inject(count, faulty: false);
        return injection;
    }

    /// <summary>The control: writes past the end, before the start and after the free of blocks of an allocator without the layer, and counts the faults that this reports.</summary>
    internal static int FoundWithoutLayer(MemoryFault kind, int count)
    {
        using PoolAllocator pool = new([new PoolConfig(256, 1 << 20), new PoolConfig(4096, 1 << 20)], 2 << 20);
        Random random = new(1);
        nint front = pool.Allocate(200);
        int found = 0;
        for (int i = 0; i < count; i++)
        {
            nint address = pool.Allocate((nuint)(1 + random.Next(200)));
            try
            {
                switch (kind)
                {
                    case MemoryFault.Overrun:
                        *(byte*)(address + 201 + random.Next(16)) ^= 0xFF;
                        pool.Free(address);
                        break;
                    case MemoryFault.Underrun:
                        *(byte*)(address - 1 - random.Next(16)) ^= 0xFF;
                        pool.Free(address);
                        break;
                    default:
                        pool.Free(address);
                        *(byte*)address ^= 0xFF;
                        break;
                }
            }
            catch (MemoryFaultException)
            {
                found++;
            }
        }

        found += pool.CheckIntegrity().Violations.Count;
        pool.Free(front);
        return found;
    }

    private DiagnosticLayer Create()
    {
        // A small quarantine where a message looks at every record; the double frees meet blocks within it and others that have left.
        DiagnosticOptions options = new() { QuarantineBytes = _kind is MemoryFault.UseAfterFree ? 1 << 20 : 20_000 };
        DiagnosticLayer layer = new(_random.Next(2) == 0
            ? new DualPoolAllocator(new DualPoolPlan(20_000, 2_000))
            : new PoolAllocator([new PoolConfig(64, 4 << 20), new PoolConfig(512, 16 << 20), new PoolConfig(8192, 32 << 20)], 64 << 20), options);
        layer.FaultFound += (_, e) => Take(e.Fault.Fault, e.Fault.Address);
        return layer;
    }

    private void Inject(int count, bool faulty)
    {
        while (Injected < count)
        {
            int batch = Math.Min(Batch, count - Injected);
            for (int i = 0; i < batch; i++)
            {
                InjectOne(faulty);
            }

            Injected += batch;
            Finish();
        }

        _layer.Dispose();
    }

    private void InjectOne(bool faulty)
    {
        nuint size = (nuint)(1 + _random.Next(_random.Next(10) == 0 ? 4_000 : 200));
        OwnerId owner = new(_random.Next());
        nint address = _layer.AllocateTracked(size, (nuint)16 << _random.Next(4), owner: owner, file: nameof(FaultInjection), line: 1 + (Injected % 50));
        new Span<byte>((void*)address, (int)size).Fill((byte)_random.Next());
        switch (_kind)
        {
            case MemoryFault.Overrun:
            case MemoryFault.Underrun:
                nint at = _kind == MemoryFault.Overrun ? address + (nint)size + _random.Next(16) : address - 1 - _random.Next(16);
                byte before = *(byte*)at;
                *(byte*)at ^= (byte)(faulty ? 1 + _random.Next(255) : 0);
                if (!faulty || Expect(address, () => _layer.Free(address), address, (long)size, owner))
                {
                    *(byte*)at = before;
                    FreeRepaired(address);
                }

                break;
            case MemoryFault.UseAfterFree:
                _layer.Free(address);
                if (faulty)
                {
                    // Just freed, so it is the last that leaves the quarantine.
                    *(byte*)(address + _random.Next((int)size)) ^= (byte)(1 + _random.Next(255));
                    _expected.Add(address);
                }

                break;
            case MemoryFault.DoubleFree:
                _layer.Free(address);
                if (faulty)
                {
                    Expect(address, () => _layer.Free(address), address, (long)size, owner);
                }

                break;
            case MemoryFault.WrongSize:
                if (faulty)
                {
                    nuint wrong = (nuint)_random.Next(5_000);
                    Expect(address, () => _layer.FreeSized(address, wrong == size ? wrong + 1 : wrong), address, (long)size, owner);
                }

                _layer.FreeSized(address, size);
                break;
            case MemoryFault.NotABlockStart:
                if (faulty)
                {
                    nint inside = address + 1 + _random.Next((int)size);
                    Expect(address, () => _layer.Free(inside), inside, (long)size, owner);
                }

                _layer.Free(address);
                break;
            case MemoryFault.ForeignFree:
                if (faulty)
                {
                    // Anywhere, or a block that another allocator handed out.
                    nint foreign = _random.Next(2) == 0 ? (nint)_random.NextInt64() : s_elsewhere.Allocate(size);
                    Expect(address, () => _layer.Free(foreign), foreign, 0, OwnerId.None);
                    if (s_elsewhere.Owns(foreign))
                    {
                        s_elsewhere.Free(foreign);
                    }
                }

                _layer.Free(address);
                break;
            default:
                if (faulty)
                {
                    _expected.Add(address);
                }
                else
                {
                    _layer.Free(address);
                }

                break;
        }
    }

    private void FreeRepaired(nint address)
    {
        try
        {
            _layer.Free(address);
        }
        catch (MemoryFaultException)
        {
            Invented++;
        }
    }

    private bool Expect(nint block, Action misuse, nint address, long size, OwnerId owner)
    {
        try
        {
            misuse();
        }
        catch (MemoryFaultException e)
        {
            bool named = e.Fault == _kind && e.Address == address && e.SizeBytes == size && e.Owner == owner;
            bool placed = _kind == MemoryFault.ForeignFree || e.Site.File == nameof(FaultInjection);
            Found += named && placed ? 1 : 0;
            Invented += e.Fault == _kind ? 0 : 1;
            return _layer.Owns(block) || _kind == MemoryFault.DoubleFree;
        }

        return false;
    }

    /// <summary>Brings what is not found by a call to light: by a check, by leaving the quarantine, or by dispose, in turns.</summary>
    private void Finish()
    {
        if (_kind is not (MemoryFault.UseAfterFree or MemoryFault.Leak))
        {
            DiagnosticReport report = _layer.Check();
            Invented += report.Faults.Count;
            return;
        }

        switch (_kind == MemoryFault.Leak ? 2 : _random.Next(3))
        {
            case 0:
                foreach (MemoryFaultRecord fault in _layer.Check().Faults)
                {
                    Take(fault.Fault, fault.Address);
                }

                break;
            case 1:
                for (int i = 0; i < 2_000 && _expected.Count > 0; i++)
                {
                    _layer.Free(_layer.Allocate(1_000));
                }

                break;
            default:
                _layer.Dispose();
                _layer = Create();
                break;
        }
    }

    private void Take(MemoryFault fault, nint address)
    {
        if (fault == _kind && _expected.Remove(address))
        {
            Found++;
        }
        else
        {
            Invented++;
        }
    }
}
