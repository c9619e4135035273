using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Reclamation;

/// <summary>
/// Readers bracket, fetch a published block and check its canary twice; a reclaimer replaces the block, drains and poisons the old one.
/// The control leaves the drain out and must be caught: a detector that cannot see the bug proves nothing.
/// </summary>
public sealed unsafe class ReclamationLitmusTests
{
    private const ulong Canary = 0xC0FFEE_C0FFEE;
    private const ulong Poison = 0xDEAD_DEAD_DEAD_DEAD;
    private const int Readers = 8;
    private const int Blocks = 8;
    private const long MostReads = 5_000_000;

    [Fact]
    public void Reader_never_sees_reclaimed_memory() => Assert.Equal(0, Run(drain: true, replacements: 1_000));

    [Fact]
    public void Control_without_drain_is_caught() => Assert.True(Run(drain: false, replacements: int.MaxValue) > 0, "The detector did not see a missing drain, so it proves nothing about a present one.");

    [Fact]
    public void Reader_never_touches_protected_memory()
    {
        // The same with pages made inaccessible instead of poisoned: a violation ends the process, so there is no control for it here.
        Assert.Equal(0, Run(drain: true, replacements: 1_000, protect: true));
    }

    /// <summary>Number of reads that saw something else than the canary; without draining it stops at the first one, or when enough has been read to give up.</summary>
    private static long Run(bool drain, int replacements, bool protect = false)
    {
        nuint page = (nuint)VirtualMemory.PageSize;
        nint ground = VirtualMemory.Reserve(Blocks * page);
        VirtualMemory.Commit(ground, Blocks * page);
        long violations = 0;
        long reads = 0;
        bool stop = false;
        *(ulong*)ground = Canary;
        nint published = ground;

        Thread[] threads = new Thread[Readers];
        for (int i = 0; i < Readers; i++)
        {
            threads[i] = new Thread(() =>
            {
                int turn = 0;
                while (!Volatile.Read(ref stop))
                {
                    using ReadBracket bracket = ReaderRegistry.Enter();
                    ulong* block = (ulong*)Volatile.Read(ref published);
                    for (int look = 0; look < 50; look++)
                    {
                        if (look == 25 && turn++ % 16 == 0)
                        {
                            // In the middle of reading, so that a reclaimer that does not wait gets the processor even if there is only one.
                            Thread.Yield();
                        }

                        if (Volatile.Read(ref *block) != Canary)
                        {
                            Interlocked.Increment(ref violations);
                            break;
                        }
                    }

                    Interlocked.Increment(ref reads);

                    // Outside the bracket: with fewer processors than readers, a reclaimer would else mostly wait for its turn.
                    Thread.Yield();
                }
            });
            threads[i].Start();
        }

        SpinWait.SpinUntil(() => Volatile.Read(ref reads) > 0);
        nint old = ground;
        int replaced = 0;
        while (replaced < replacements && (drain || (Volatile.Read(ref violations) == 0 && Volatile.Read(ref reads) < MostReads)))
        {
            replaced++;
            nint next = ground + (nint)((nuint)(replaced % Blocks) * page);
            if (protect)
            {
                VirtualMemory.Protect(next, page, PageAccess.ReadWrite);
            }

            Volatile.Write(ref *(ulong*)next, Canary);
            Volatile.Write(ref published, next);
            if (drain)
            {
                Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromMinutes(1)));
            }

            if (protect)
            {
                VirtualMemory.Protect(old, page, PageAccess.None);
            }
            else
            {
                Volatile.Write(ref *(ulong*)old, Poison);
            }

            old = next;
        }

        Volatile.Write(ref stop, true);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        VirtualMemory.Release(ground, Blocks * page);
        return violations;
    }
}
