using DimensionStore.Cli;
using DimensionStore.Memory;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class ErrorMapperTests
{
    public static TheoryData<Exception, int> Errors => new()
    {
        { new OperationCanceledException(), ExitCodes.Cancelled },
        { new DimensionNotFoundException(new DimensionId(99), "dir"), ExitCodes.NotFound },
        { new LayerNotFoundException(new LayerId(new DimensionId(1), 3)), ExitCodes.NotFound },
        { new RegionNotFoundException(new DimensionId(1)), ExitCodes.NotFound },
        { new DimensionFormatException(DimensionFormatError.BadMagic, 84, "a", "b", "f"), ExitCodes.Refused },
        { new InvalidEntryException("bad", "source", 3), ExitCodes.Refused },
        { new DimensionFileExistsException("f"), ExitCodes.Refused },
        { new ImmutableDimensionException(new DimensionId(9), "overwritten"), ExitCodes.Refused },
        { new InvalidCatalogException("f", "bad"), ExitCodes.Refused },
        { new LimitExceededException("budget", 2, 1, 2), ExitCodes.Refused },
        { new CodecUnavailableException(LayerCodec.Zstd, 0, "f"), ExitCodes.InputOutput },
        { new FileNotFoundException("missing"), ExitCodes.InputOutput },
        { new DirectoryNotFoundException("missing"), ExitCodes.InputOutput },
        { new UnauthorizedAccessException("denied"), ExitCodes.InputOutput },
        { new IOException("disk full"), ExitCodes.InputOutput },
        { new ArgumentException("too long", "name"), ExitCodes.Usage },
        { new AggregateException(new IOException("disk full")), ExitCodes.InputOutput },
        { new InvalidOperationException("oops"), ExitCodes.Defect },
    };

    [Theory]
    [MemberData(nameof(Errors), DisableDiscoveryEnumeration = true)]
    public void Every_error_has_its_exit_code(Exception error, int expected)
    {
        Assert.Equal(expected, ErrorMapper.Map(error).ExitCode);
    }

    [Fact]
    public void A_message_is_one_line_without_the_runtimes_additions()
    {
        Assert.Equal("a b", ErrorMapper.Map(new IOException("a\r\nb")).Message);
        Assert.Equal("too long", ErrorMapper.Map(new ArgumentException("too long", "name")).Message);
    }
}
