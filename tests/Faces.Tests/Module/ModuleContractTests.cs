using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace DimensionStore.Faces.Tests.Module;

/// <summary>What the module promises by its metadata, its manifest, its views and its help.</summary>
public sealed class ModuleContractTests
{
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";
    private static readonly XDocument Help = XDocument.Load(Path.Combine(ModuleUnderTest.Directory, "en-US", "DimensionStore.PowerShell.dll-Help.xml"));
    private static readonly XDocument Views = XDocument.Load(Path.Combine(ModuleUnderTest.Directory, "DimensionStore.format.ps1xml"));

    // From PowerShell's list of approved verbs; those used here, and those a cmdlet might sensibly get next.
    private static readonly string[] ApprovedVerbs =
    [
        "Add", "Clear", "Close", "Compare", "Complete", "Convert", "Copy", "Dismount", "Export", "Find", "Get", "Import", "Invoke", "Measure", "Mount",
        "Move", "New", "Open", "Optimize", "Read", "Register", "Remove", "Reset", "Resize", "Select", "Set", "Show", "Test", "Trace", "Update", "Write",
    ];

    private static readonly string[] ChangingVerbs = ["Add", "Clear", "Close", "Complete", "Dismount", "Export", "Import", "Invoke", "Mount", "New", "Optimize", "Remove", "Reset", "Set", "Update"];

    public static TheoryData<string> CmdletNames => [.. ModuleUnderTest.Cmdlets.Keys.Order(StringComparer.Ordinal)];

    [Fact]
    public void Manifest_exports_exactly_the_cmdlets_of_the_assembly() =>
        Assert.Equal(ModuleUnderTest.Cmdlets.Keys.Order(StringComparer.Ordinal), ModuleUnderTest.ManifestList("CmdletsToExport").Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(@"RootModule\s*=\s*'DimensionStore\.PowerShell\.dll'")]
    [InlineData(@"PowerShellVersion\s*=\s*'7\.6'")]
    [InlineData(@"CompatiblePSEditions\s*=\s*@\('Core'\)")]
    [InlineData(@"FormatsToProcess\s*=\s*@\('DimensionStore\.format\.ps1xml'\)")]
    public void Manifest_states(string pattern) => Assert.Matches(pattern, ModuleUnderTest.Manifest);

    [Fact]
    public void Manifest_and_assembly_have_the_version_of_the_build_data()
    {
        string build = File.ReadAllText(Path.Combine(ModuleUnderTest.RepositoryRoot, "build.psd1"));
        string version = Regex.Match(build, @"(?m)^\s*Version\s*=\s*'([^']+)'").Groups[1].Value;

        Assert.Equal(version, Regex.Match(ModuleUnderTest.Manifest, @"ModuleVersion\s*=\s*'([^']+)'").Groups[1].Value);
        Assert.Equal(Version.Parse(version), new Version(ModuleUnderTest.Assembly.GetName().Version!.ToString(3)));
    }

    [Fact]
    public void Module_ships_what_it_references_and_nothing_else()
    {
        HashSet<string> needed = new(StringComparer.Ordinal) { "DimensionStore.PowerShell" };
        Queue<string> open = new(needed);
        string platform = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        while (open.TryDequeue(out string? name))
        {
            foreach (string reference in ReferencesOf(Path.Combine(ModuleUnderTest.Directory, name + ".dll")))
            {
                bool isPlatform = reference == "System.Management.Automation" || File.Exists(Path.Combine(platform, reference + ".dll"));
                if (!isPlatform && needed.Add(reference))
                {
                    open.Enqueue(reference);
                }
            }
        }

        IEnumerable<string> shipped = Directory.EnumerateFiles(ModuleUnderTest.Directory, "*.dll", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.Equal(needed.Order(StringComparer.Ordinal), shipped.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Cmdlet_has_an_approved_verb_and_a_singular_noun(string name)
    {
        string[] parts = name.Split('-');
        Assert.Contains(parts[0], ApprovedVerbs);
        if (name != "Get-MemStats")
        {
            Assert.False(parts[1].EndsWith('s'), $"{parts[1]} is a plural.");
        }
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Cmdlet_that_changes_something_supports_WhatIf(string name)
    {
        bool changes = ChangingVerbs.Contains(name.Split('-')[0]);
        Assert.Equal(changes, ModuleUnderTest.SupportsShouldProcess(ModuleUnderTest.Cmdlets[name]));
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Cmdlet_is_sealed_and_states_what_it_writes(string name)
    {
        Type cmdlet = ModuleUnderTest.Cmdlets[name];
        Assert.True(cmdlet.IsSealed);
        Assert.NotEmpty(ModuleUnderTest.Outputs(cmdlet));
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Own_output_types_are_sealed_and_have_a_view_of_at_most_six_columns(string name)
    {
        foreach (Type type in ModuleUnderTest.Outputs(ModuleUnderTest.Cmdlets[name]).Where(type => type.Assembly == ModuleUnderTest.Assembly))
        {
            Assert.True(type.IsSealed, $"{type} is not sealed.");
            XElement view = Assert.Single(Views.Descendants("View"), view => view.Descendants("TypeName").Any(typeName => typeName.Value == type.FullName));
            Assert.InRange(view.Descendants("TableColumnItem").Count(), 1, 6);
            Assert.Equal(view.Descendants("TableColumnHeader").Count(), view.Descendants("TableColumnItem").Count());
            foreach (XElement property in view.Descendants("PropertyName"))
            {
                Assert.True(type.GetProperty(property.Value) is not null, $"The view of {type.Name} shows {property.Value}, which it does not have.");
            }
        }
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void No_parameter_is_a_FileInfo(string name) =>
        Assert.DoesNotContain(ModuleUnderTest.Parameters(ModuleUnderTest.Cmdlets[name]), parameter => typeof(FileSystemInfo).IsAssignableFrom(parameter.PropertyType));

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Path_with_wildcards_has_a_LiteralPath_beside_it(string name)
    {
        PropertyInfo[] parameters = [.. ModuleUnderTest.Parameters(ModuleUnderTest.Cmdlets[name])];
        PropertyInfo? literal = parameters.FirstOrDefault(parameter => parameter.Name == "LiteralPath");
        if (literal is not null)
        {
            Assert.Contains(parameters, parameter => parameter.Name == "Path");
            CustomAttributeData alias = Assert.Single(ModuleUnderTest.Attributes(literal, "System.Management.Automation.AliasAttribute"));
            Assert.Contains("PSPath", alias.ConstructorArguments.SelectMany(argument => (IEnumerable<CustomAttributeTypedArgument>)argument.Value!).Select(argument => (string)argument.Value!));
        }
    }

    [Theory]
    [MemberData(nameof(CmdletNames))]
    public void Help_says_what_the_cmdlet_does_with_every_parameter_an_example_and_a_link(string name)
    {
        XElement help = Assert.Single(Help.Descendants(Command + "command"), command => command.Element(Command + "details")!.Element(Command + "name")!.Value == name);

        string synopsis = help.Element(Command + "details")!.Element(Maml + "description")!.Value;
        Assert.False(string.IsNullOrWhiteSpace(synopsis));
        Assert.DoesNotContain(name, synopsis, StringComparison.Ordinal);
        Assert.NotEmpty(help.Element(Maml + "description")!.Elements(Maml + "para"));
        Assert.NotEmpty(help.Descendants(Maml + "linkText"));

        XElement[] examples = [.. help.Descendants(Command + "example")];
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Contains(ModuleUnderTest.Cmdlets.Keys, cmdlet => example.Element(Dev + "code")!.Value.Contains(cmdlet, StringComparison.Ordinal)));

        Dictionary<string, string> described = help.Element(Command + "parameters")!.Elements(Command + "parameter")
            .ToDictionary(parameter => parameter.Element(Maml + "name")!.Value, parameter => parameter.Element(Maml + "description")!.Value, StringComparer.Ordinal);
        List<string> expected = [.. ModuleUnderTest.Parameters(ModuleUnderTest.Cmdlets[name]).Select(parameter => parameter.Name)];
        if (ModuleUnderTest.SupportsShouldProcess(ModuleUnderTest.Cmdlets[name]))
        {
            expected.AddRange(["WhatIf", "Confirm"]);
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), described.Keys.Order(StringComparer.Ordinal));
        Assert.All(described.Values, text => Assert.False(string.IsNullOrWhiteSpace(text)));
    }

    [Fact]
    public void Every_ErrorId_is_documented_and_every_documented_one_exists()
    {
        Type ids = ModuleUnderTest.Assembly.GetType("DimensionStore.PowerShell.ErrorIds", throwOnError: true)!;
        string[] known = [.. ids.GetFields(BindingFlags.Static | BindingFlags.Public).Select(field => (string)field.GetRawConstantValue()!)];
        string page = File.ReadAllText(Path.Combine(ModuleUnderTest.Directory, "en-US", "about_DimensionStore_ErrorIds.help.txt"));
        IEnumerable<string> documented = Regex.Matches(page, @"(?m)^ {4}([A-Z][A-Za-z]+) \([A-Z][A-Za-z]+\)$").Select(match => match.Groups[1].Value);

        Assert.Equal(known.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
        Assert.All(known, id => Assert.Matches("^[A-Z][A-Za-z]+$", id));
    }

    [Fact]
    public void Every_ErrorId_is_in_the_table_of_the_README()
    {
        Type ids = ModuleUnderTest.Assembly.GetType("DimensionStore.PowerShell.ErrorIds", throwOnError: true)!;
        IEnumerable<string> known = ids.GetFields(BindingFlags.Static | BindingFlags.Public).Select(field => (string)field.GetRawConstantValue()!);
        string page = File.ReadAllText(Path.Combine(ModuleUnderTest.RepositoryRoot, "src", "PowerShell", "README.md"));
        string table = Regex.Match(page, @"(?s)\| about \| ids \|.*?\n\n").Value;

        Assert.Equal(known.Order(StringComparer.Ordinal), Regex.Matches(table, "`([A-Za-z]+)`").Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_cmdlet_has_its_Pester_file()
    {
        IEnumerable<string> files = Directory.EnumerateFiles(PesterSuite.Directory, "*.Tests.ps1").Select(file => Path.GetFileName(file)[..^".Tests.ps1".Length]);
        Assert.Empty(ModuleUnderTest.Cmdlets.Keys.Except(files));
    }

    private static string[] ReferencesOf(string path)
    {
        using PEReader file = new(File.OpenRead(path));
        MetadataReader metadata = file.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
