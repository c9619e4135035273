using System.CommandLine;

namespace DimensionStore.Cli.Commands;

/// <summary><c>get</c>: the bytes of a layer.</summary>
internal static class GetCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> directory = CommonSymbols.Store();
        Argument<LayerId> layer = CommonSymbols.Layer();
        var command = new Command("get", "Write the bytes of a layer, decompressed, to standard output and nothing else.") { directory, layer };
        command.SetAction(parse =>
        {
            using StoreSession session = StoreSession.Open(context, parse.GetRequiredValue(directory));
            LayerId id = parse.GetValue(layer);
            bool simulated = Copy(session.Store, id, context.Output);
            if (simulated)
            {
                session.NoteSimulation(new HashSet<DimensionId> { id.Dimension });
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static bool Copy(MmapManager store, LayerId layer, Stream output)
    {
        using LayerAccess access = store.AccessLayer(layer);
        output.Write(access.Span);
        return access.IsSimulated;
    }
}
