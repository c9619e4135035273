namespace DimensionStore.PowerShell;

/// <summary>The ErrorIds of the module. They are what scripts test for (<c>FullyQualifiedErrorId</c> begins with one), so a value is never changed; about_DimensionStore_ErrorIds explains each.</summary>
internal static class ErrorIds
{
    public const string AccessDenied = "AccessDenied";
    public const string AllocationFailed = "AllocationFailed";
    public const string AllocatorClosed = "AllocatorClosed";
    public const string AllocatorExists = "AllocatorExists";
    public const string AllocatorNotFound = "AllocatorNotFound";
    public const string BlockNotFound = "BlockNotFound";
    public const string BlockOfStore = "BlockOfStore";
    public const string CodecUnavailable = "CodecUnavailable";
    public const string DimensionNotFound = "DimensionNotFound";
    public const string DimensionNotLoaded = "DimensionNotLoaded";
    public const string FileExists = "FileExists";
    public const string ImmutableDimension = "ImmutableDimension";
    public const string InputOutputFailed = "InputOutputFailed";
    public const string InvalidArgument = "InvalidArgument";
    public const string InvalidCatalog = "InvalidCatalog";
    public const string InvalidDimensionId = "InvalidDimensionId";
    public const string InvalidEntry = "InvalidEntry";
    public const string InvalidFileFormat = "InvalidFileFormat";
    public const string InvalidLayerId = "InvalidLayerId";
    public const string InvalidLayerSetting = "InvalidLayerSetting";
    public const string InvalidLayout = "InvalidLayout";
    public const string InvalidTrace = "InvalidTrace";
    public const string KeywordNotFound = "KeywordNotFound";
    public const string LayerNotFound = "LayerNotFound";
    public const string LimitExceeded = "LimitExceeded";
    public const string MemoryError = "MemoryError";
    public const string MemoryFault = "MemoryFault";
    public const string NameRequired = "NameRequired";
    public const string NoOpenStore = "NoOpenStore";
    public const string OperationNotSupported = "OperationNotSupported";
    public const string OutOfBounds = "OutOfBounds";
    public const string OwnerNotFound = "OwnerNotFound";
    public const string PathAmbiguous = "PathAmbiguous";
    public const string PathIsDirectory = "PathIsDirectory";
    public const string PathIsNotDirectory = "PathIsNotDirectory";
    public const string PathNotFileSystem = "PathNotFileSystem";
    public const string PathNotFound = "PathNotFound";
    public const string ProtoDimensionClosed = "ProtoDimensionClosed";
    public const string StoreClosed = "StoreClosed";
    public const string StoreError = "StoreError";
    public const string StoreNotFound = "StoreNotFound";
    public const string TraceReplayFailed = "TraceReplayFailed";
    public const string WordNetNotFound = "WordNetNotFound";
}
