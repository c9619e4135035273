using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>The captured stacks of live blocks, by number; a number is used again after its block is gone. Thread-safe.</summary>
internal sealed class AllocationStacks
{
    private readonly Lock _lock = new();
    private readonly List<StackTrace?> _stacks = [null];
    private readonly Stack<int> _unused = new();

    /// <summary>Captures the stack, without source files; 0, which is none, where the GC heap has no room for it: the block that it is about is there already, and is worth more.</summary>
    internal int Capture()
    {
        try
        {
            TableRoom.OnGrowth();
            return Add(new StackTrace(fNeedFileInfo: false));
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }

    private int Add(StackTrace stack)
    {
        lock (_lock)
        {
            if (_unused.TryPop(out int number))
            {
                _stacks[number] = stack;
                return number;
            }

            // Room for all numbers to become unused, so that no stack is dropped in vain.
            TableRoom.Make(_unused, _stacks.Count);
            TableRoom.Make(_stacks, 1);
            _stacks.Add(stack);
            return _stacks.Count - 1;
        }
    }

    /// <summary>Forgets a stack; 0 does nothing.</summary>
    internal void Drop(int number)
    {
        if (number != 0)
        {
            lock (_lock)
            {
                _stacks[number] = null;
                _unused.Push(number);
            }
        }
    }

    /// <summary>A stack as text, or null.</summary>
    internal string? TextOf(int number)
    {
        if (number == 0)
        {
            return null;
        }

        StackTrace? stack;
        lock (_lock)
        {
            stack = _stacks[number];
        }

        // The toolkit's own frames on top say nothing about who asked. They are left out here and not by number when the stack is captured, because the compiler may have inlined some.
        IEnumerable<StackFrame>? frames = stack?.GetFrames().SkipWhile(frame => frame.GetMethod()?.DeclaringType?.Assembly == typeof(AllocationStacks).Assembly);
        return frames is null ? null : new StackTrace(frames).ToString();
    }
}
