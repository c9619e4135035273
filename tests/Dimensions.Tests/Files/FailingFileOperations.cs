using Microsoft.Win32.SafeHandles;

namespace DimensionStore.Tests.Files;

/// <summary>The real file system, but one call fails: the n-th of all, or none. A failing write has already written half, as on a full disk.</summary>
internal sealed class FailingFileOperations(int failing) : FileOperations
{
    /// <summary>Calls made so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Name of the call that failed.</summary>
    public string? Failed { get; private set; }

    public override SafeFileHandle CreateTemporary(string directory, string targetName, out string temporaryPath)
    {
        Step(nameof(CreateTemporary));
        return base.CreateTemporary(directory, targetName, out temporaryPath);
    }

    public override SafeFileHandle CreateScratch(string directory, string targetName)
    {
        Step(nameof(CreateScratch));
        return base.CreateScratch(directory, targetName);
    }

    public override SafeFileHandle? OpenExisting(string path)
    {
        Step(nameof(OpenExisting));
        return base.OpenExisting(path);
    }

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        if (Calls + 1 == failing)
        {
            base.Write(file, bytes[..(bytes.Length / 2)], offset);
        }

        Step(nameof(Write));
        base.Write(file, bytes, offset);
    }

    public override int Read(SafeFileHandle file, Span<byte> destination, long offset)
    {
        Step(nameof(Read));
        return base.Read(file, destination, offset);
    }

    public override void Flush(SafeFileHandle file)
    {
        Step(nameof(Flush));
        base.Flush(file);
    }

    public override void Replace(string temporaryPath, string path)
    {
        Step(nameof(Replace));
        base.Replace(temporaryPath, path);
    }

    public override bool TryMoveNew(string temporaryPath, string path)
    {
        Step(nameof(TryMoveNew));
        return base.TryMoveNew(temporaryPath, path);
    }

    public override void FlushDirectory(string directory)
    {
        Step(nameof(FlushDirectory));
        base.FlushDirectory(directory);
    }

    public override void Delete(string path)
    {
        Step(nameof(Delete));
        base.Delete(path);
    }

    public override void RemoveLeftovers(string directory)
    {
        Step(nameof(RemoveLeftovers));
        base.RemoveLeftovers(directory);
    }

    private void Step(string call)
    {
        Calls++;
        if (Calls == failing)
        {
            Failed = call;
            throw new IOException($"Call {Calls}, {call}, was made to fail.");
        }
    }
}
