using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// A lock for critical sections of some tens of nanoseconds: one interlocked exchange to take, one release store to give back, and a spin that ends in yielding and sleeping.
/// Not re-entrant, and not fair until somebody has waited for some ten milliseconds: then newcomers wait for that one. <see cref="Lock"/> was rejected for the allocators' fast paths because taking and leaving it costs three times as much as the work inside;
/// for anything that calls the operating system it stays the better choice.
/// </summary>
/// <remarks>A mutable struct: keep it in a field that is not read-only, and never copy it. On a cache line of its own, so that taking it disturbs no neighbour.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct AllocatorLock
{
    // Ten or so of a spin's last stage, in which each round sleeps for a millisecond.
    private const int RoundsBeforeStarving = 30;

    [FieldOffset(64)]
    private int _taken;

    // Who has waited for long. A waiter that sleeps wakes up to a lock that is taken, as long as others take it again and again; seen: five seconds for the lock of an allocator that three threads used.
    [FieldOffset(68)]
    private int _starving;

    /// <summary>Waits until the lock is free and takes it. Pair with <see cref="Exit"/> in a <c>finally</c> wherever the section can throw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        if (Volatile.Read(ref _starving) != 0 || Interlocked.Exchange(ref _taken, 1) != 0)
        {
            Wait();
        }
    }

    /// <summary>Gives the lock back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit() => Volatile.Write(ref _taken, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait()
    {
        PatientWait spin = default;
        bool isStarving = false;
        do
        {
            // Looks before it writes: a waiter that keeps exchanging would keep taking the line away from the owner.
            do
            {
                // Whom the others wait for does not sleep.
                spin.SpinOnce(maySleep: !isStarving);
                if (!isStarving && spin.Count >= RoundsBeforeStarving)
                {
                    isStarving = true;
                    Interlocked.Increment(ref _starving);
                }
            }
            while (Volatile.Read(ref _taken) != 0 || (!isStarving && Volatile.Read(ref _starving) != 0));
        }
        while (Interlocked.Exchange(ref _taken, 1) != 0);
        if (isStarving)
        {
            Interlocked.Decrement(ref _starving);
        }

        spin.End();
    }
}
