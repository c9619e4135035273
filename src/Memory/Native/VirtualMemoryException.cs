namespace DimensionStore.Memory.Native;

/// <summary>The operating system refused a memory operation.</summary>
public sealed class VirtualMemoryException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public VirtualMemoryException(string operation, nint address, nuint size, int errorCode, string systemMessage)
        : base($"{operation} of {size:N0} bytes{(address == 0 ? "" : $" at 0x{address:x}")} was refused by the operating system: {systemMessage} (error {errorCode}).{AdviceFor(operation)}")
    {
        Operation = operation;
        Address = address;
        Size = size;
        ErrorCode = errorCode;
    }

    /// <summary>Which primitive.</summary>
    public string Operation { get; }

    /// <summary>The range's first address; 0 for a reservation.</summary>
    public nint Address { get; }

    /// <summary>The range's length in bytes.</summary>
    public nuint Size { get; }

    /// <summary>The system's error code.</summary>
    public int ErrorCode { get; }

    private static string AdviceFor(string operation) => operation switch
    {
        nameof(VirtualMemory.Reserve) => " Ask for less capacity, or let the process have more address space.",
        nameof(VirtualMemory.Lock) => " Lock less, or raise how much the process may lock.",
        _ => "",
    };
}
