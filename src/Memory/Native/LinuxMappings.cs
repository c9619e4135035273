using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>
/// Keeps the process clear of the most mappings that Linux allows it (<c>vm.max_map_count</c>). Beyond that most, the .NET runtime can map nothing either and ends the process, so what may be done
/// without is done without at half of it, and what asks for memory is refused at seven eighths; either up to a sixteenth earlier.
/// </summary>
/// <remarks>
/// A call that changes a part of a mapping can make two more of it. How many there are only the kernel knows, and telling takes it milliseconds; so an upper bound of what was made is counted down, and
/// the mappings are counted again when it could have brought the process to a threshold: less than a microsecond a call on average, some where the process is at one.
/// Lock-free, thread-safe, and without managed memory, since memory may be what is short.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static unsafe partial class LinuxMappings
{
    private const long DefaultMost = 65_530;
    private const int OpenReadOnlyCloseOnExec = 0x80000;

    // How long a process that has many mappings is taken to have them still, at least, and in times of what looking takes.
    private const long LeastPauseMilliseconds = 1000;
    private const long PauseInLooks = 50;

    private static long s_most;

    // The mappings counted last and what may be made before they are counted again. Both thresholds keep a step of room, so that there is a step between two counts at least.
    private static long s_untilLook;
    private static long s_dueMilliseconds;
    private static bool s_isCrowded;
    private static bool s_isFull;
    private static int s_isLooking;

    static LinuxMappings() => Most = ReadMost();

    /// <summary>The most mappings the process may have. Settable so that a test need not make as many.</summary>
    internal static long Most
    {
        get => Volatile.Read(ref s_most);
        set
        {
            Volatile.Write(ref s_most, value);
            Volatile.Write(ref s_isCrowded, false);
            Volatile.Write(ref s_isFull, false);
            Volatile.Write(ref s_untilLook, value / 16);
        }
    }

    /// <summary>From how many mappings on none are made for the sake of giving memory back, or of guard pages.</summary>
    internal static long Ceiling => Most / 2;

    /// <summary>Whether the process is at <see cref="Ceiling"/>.</summary>
    internal static bool IsCrowded
    {
        get
        {
            if (Volatile.Read(ref s_isCrowded) && IsDue())
            {
                TryLook();
            }

            return Volatile.Read(ref s_isCrowded);
        }
    }

    /// <summary>Asks for mappings that the caller can do without; false at <see cref="Ceiling"/>.</summary>
    /// <param name="more">The most that the call can make.</param>
    internal static bool TryTake(int more)
    {
        // While another thread counts, the answer is no: it costs nothing, and the threads together could make thousands meanwhile.
        return !IsCrowded && (Interlocked.Add(ref s_untilLook, -more) >= 0 || (TryLook() && !Volatile.Read(ref s_isCrowded)));
    }

    /// <summary>Asks for mappings that the caller cannot do without; false where hardly any are left.</summary>
    /// <param name="more">The most that the call can make.</param>
    internal static bool TryTakeNeeded(int more)
    {
        if (Interlocked.Add(ref s_untilLook, -more) < 0 || (Volatile.Read(ref s_isFull) && IsDue()))
        {
            TryLook();
        }

        return !Volatile.Read(ref s_isFull);
    }

    /// <summary>Notes mappings that a call may have made.</summary>
    internal static void Note(int more) => Interlocked.Add(ref s_untilLook, -more);

    /// <summary>Notes that a reservation goes back, with all that it was cut into: whoever was refused mappings is not refused them for the rest of the pause, but counts first.</summary>
    internal static void NoteRelease()
    {
        Note(1);
        if (Volatile.Read(ref s_isFull))
        {
            Volatile.Write(ref s_dueMilliseconds, 0);
        }
    }

    /// <summary>The mappings of the process, by lines of what the kernel lists; −1 where it does not.</summary>
    internal static long Count()
    {
        const int BufferBytes = 16 << 10;
        byte* buffer = stackalloc byte[BufferBytes];
        long lines = 0;
        fixed (byte* path = "/proc/self/maps"u8)
        {
            int descriptor = Open(path, OpenReadOnlyCloseOnExec);
            if (descriptor < 0)
            {
                return -1;
            }

            nint read;
            while ((read = Read(descriptor, buffer, BufferBytes)) > 0 || (read < 0 && Marshal.GetLastPInvokeError() == UnixMemory.ErrorInterrupted))
            {
                lines += read > 0 ? new ReadOnlySpan<byte>(buffer, (int)read).Count((byte)'\n') : 0;
            }

            _ = UnixMemory.Close(descriptor); // Opened for reading only: there is nothing a failed close could lose.
            return read < 0 ? -1 : lines;
        }
    }

    private static bool IsDue() => Environment.TickCount64 >= Volatile.Read(ref s_dueMilliseconds);

    /// <summary>Counts the mappings; false when another thread does.</summary>
    private static bool TryLook()
    {
        if (Interlocked.Exchange(ref s_isLooking, 1) != 0)
        {
            return false;
        }

        long started = Environment.TickCount64;
        long count = Count();
        long ended = Environment.TickCount64;
        long step = Most / 16;
        long toCeiling = Ceiling - count;
        long toRefusal = (Most / 8 * 7) - count;

        // Who cannot count goes without mappings where that costs nothing, and refuses nothing.
        bool isKnown = count >= 0;
        Volatile.Write(ref s_isCrowded, !isKnown || toCeiling < step);
        Volatile.Write(ref s_isFull, isKnown && toRefusal < step);
        Volatile.Write(ref s_dueMilliseconds, ended + Math.Max(LeastPauseMilliseconds, PauseInLooks * (ended - started)));
        Interlocked.Exchange(ref s_untilLook, !isKnown ? Most : toCeiling >= step ? toCeiling : Math.Clamp(toRefusal, step, 2 * step));
        Volatile.Write(ref s_isLooking, 0);
        return true;
    }

    private static long ReadMost()
    {
        byte* text = stackalloc byte[24];
        long most = 0;
        fixed (byte* path = "/proc/sys/vm/max_map_count"u8)
        {
            int descriptor = Open(path, OpenReadOnlyCloseOnExec);
            if (descriptor >= 0)
            {
                nint read = Read(descriptor, text, 24);
                for (nint i = 0; i < read && text[i] is >= (byte)'0' and <= (byte)'9' && most <= int.MaxValue; i++)
                {
                    most = (most * 10) + text[i] - '0';
                }

                _ = UnixMemory.Close(descriptor);
            }
        }

        return most > 0 ? most : DefaultMost;
    }

    // open is variadic; without O_CREAT only its two named parameters are passed, so the ordinary calling convention fits on arm64 too.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, byte* buffer, nuint bytes);
}
