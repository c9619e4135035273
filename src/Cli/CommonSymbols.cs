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

    public static Option<long?> Capacity() => new("--capacity")
    {
        Description = "The most an allocator may commit: bytes, or a number with K, M, G (1,024 of the one before). Without: enough for the trace.",
        HelpName = "SIZE",
        CustomParser = static result =>
        {
            string text = result.Tokens[0].Value;
            if (TryParseSize(text, out long bytes))
            {
                return bytes;
            }

            result.AddError($"--capacity {text}: a size was expected, from 1 to 4096G, such as 1073741824, 512M or 1G.");
            return null;
        },
    };

    public static Option<int?> Passes() => new("--passes")
    {
        Description = "Passes against the clock, of which the median counts; 0 measures memory only. 9 without.",
        HelpName = "N",
        CustomParser = static result =>
        {
            string text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int passes) && passes <= 1000)
            {
                return passes;
            }

            result.AddError($"--passes {text}: a number from 0 to 1000 was expected.");
            return null;
        },
    };

    /// <summary>Bytes, or a number followed by K, M or G in either case.</summary>
    public static bool TryParseSize(string text, out long bytes)
    {
        const long Limit = 1L << 42;
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        string digits = shift == 0 ? text : text[..^1];
        bool isSize = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number is > 0 and <= Limit && number <= Limit >> shift;
        bytes = isSize ? number << shift : 0;
        return isSize;
    }

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
