using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace DimensionStore.Cli;

/// <summary>Arguments and options that several commands share, spelled and explained once.</summary>
internal static class CommonSymbols
{
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON document (UTF-8, camelCase) instead of a table." };

    public static Option<bool> Force() => new("--force") { Description = "Replace existing files. Files of immutable dimensions (D09, D14) are kept even so." };

    public static Option<string> Out(string description) => new Option<string>("--out") { Description = description, HelpName = "DIR" }.NotEmpty();

    public static Argument<string> Store() => new Argument<string>("DIR") { Description = "Directory of dimension files (D01.mmap, D02.mmap, …). Dimensions without a file are answered from the simulation." }.NotEmpty();

    public static Argument<LayerId> Layer() => new("LAYER")
    {
        Description = "Dimension and layer number, as in D01:0.",
        CustomParser = static result => Parse<LayerId>(result),
    };

    public static Option<DimensionId> Id() => new("--id")
    {
        Description = $"Number of the dimension: 5 or D05, up to {DimensionId.MaxValue}.",
        HelpName = "N",
        Required = true,
        CustomParser = static result => Parse<DimensionId>(result),
    };

    public static Option<DimensionId[]> Dimensions() => new("--dimension")
    {
        Description = "Look only in this dimension; may be given more than once.",
        HelpName = "D01",
        CustomParser = static result => [.. result.Tokens.Select(token => Parse<DimensionId>(result, token.Value))],
    };

    public static Option<int?> Limit() => new("--limit")
    {
        Description = "Stop after this many entries.",
        HelpName = "N",
        CustomParser = static result =>
        {
            string text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit > 0)
            {
                return limit;
            }

            result.AddError($"--limit {text}: a number of 1 or more was expected.");
            return null;
        },
    };

    /// <summary>Refuses an empty text by the argument's name, before the library, which knows the name of a parameter only.</summary>
    public static Argument<T> NotEmpty<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result => RefuseEmpty(result, result.Tokens, argument.Name));
        return argument;
    }

    /// <summary>The same for an option.</summary>
    public static Option<T> NotEmpty<T>(this Option<T> option)
    {
        option.Validators.Add(result => RefuseEmpty(result, result.Tokens, option.Name));
        return option;
    }

    private static void RefuseEmpty(SymbolResult result, IReadOnlyList<Token> tokens, string name)
    {
        if (tokens.Any(token => token.Value.Length == 0))
        {
            result.AddError($"{name} is an empty text; give at least one character.");
        }
    }

    private static T Parse<T>(ArgumentResult result)
        where T : struct, IParsable<T>
        => Parse<T>(result, result.Tokens[0].Value);

    private static T Parse<T>(ArgumentResult result, string text)
        where T : struct, IParsable<T>
    {
        try
        {
            return T.Parse(text, null);
        }
        catch (FormatException refusal)
        {
            // The ids' own messages say what to write instead.
            result.AddError(refusal.Message);
            return default;
        }
    }
}
