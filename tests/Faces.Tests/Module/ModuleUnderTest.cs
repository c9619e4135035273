using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;

namespace DimensionStore.Faces.Tests.Module;

/// <summary>
/// The built module, looked at from outside: its assembly is loaded from out/module beside PowerShell's reference library,
/// whose methods do nothing, so that only metadata may be read from it. What cmdlets do is proved by the Pester files.
/// </summary>
internal static class ModuleUnderTest
{
    private const string CmdletAttribute = "System.Management.Automation.CmdletAttribute";
    private const string ParameterAttribute = "System.Management.Automation.ParameterAttribute";
    private const string OutputTypeAttribute = "System.Management.Automation.OutputTypeAttribute";

    public static string RepositoryRoot { get; } = FindRoot();

    public static string Directory { get; } = Path.Combine(RepositoryRoot, "out", "module", "DimensionStore");

    public static Assembly Assembly { get; } = new ModuleLoadContext(Directory).LoadFromAssemblyPath(Path.Combine(Directory, "DimensionStore.PowerShell.dll"));

    public static string Manifest => File.ReadAllText(Path.Combine(Directory, "DimensionStore.psd1"));

    /// <summary>Cmdlet classes by the names that their attribute gives.</summary>
    public static IReadOnlyDictionary<string, Type> Cmdlets { get; } = Assembly.GetExportedTypes()
        .Where(type => !type.IsAbstract && Attributes(type, CmdletAttribute).Any())
        .ToDictionary(NameOf, StringComparer.Ordinal);

    public static string NameOf(Type cmdlet)
    {
        IList<CustomAttributeTypedArgument> arguments = Attributes(cmdlet, CmdletAttribute).Single().ConstructorArguments;
        return $"{arguments[0].Value}-{arguments[1].Value}";
    }

    public static bool SupportsShouldProcess(Type cmdlet) =>
        Attributes(cmdlet, CmdletAttribute).Single().NamedArguments.Any(argument => argument.MemberName == "SupportsShouldProcess" && argument.TypedValue.Value is true);

    public static IEnumerable<PropertyInfo> Parameters(Type cmdlet) =>
        cmdlet.GetProperties().Where(property => Attributes(property, ParameterAttribute).Any());

    /// <summary>The types that OutputType names.</summary>
    public static IEnumerable<Type> Outputs(Type cmdlet) =>
        Attributes(cmdlet, OutputTypeAttribute).SelectMany(attribute => attribute.ConstructorArguments).SelectMany(TypesIn);

    public static IEnumerable<CustomAttributeData> Attributes(MemberInfo member, string name) =>
        member.GetCustomAttributesData().Where(attribute => attribute.AttributeType.FullName == name);

    public static string[] ManifestList(string key)
    {
        Match match = Regex.Match(Manifest, $@"(?ms)^\s*{key}\s*=\s*@\((.*?)\)");
        Assert.True(match.Success, $"{key} is not in the manifest.");
        return [.. Regex.Matches(match.Groups[1].Value, "'([^']+)'").Select(item => item.Groups[1].Value)];
    }

    private static IEnumerable<Type> TypesIn(CustomAttributeTypedArgument argument) => argument.Value switch
    {
        Type type => [type],
        IEnumerable<CustomAttributeTypedArgument> list => list.SelectMany(TypesIn),
        _ => [],
    };

    private static string FindRoot()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Store.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No directory above {AppContext.BaseDirectory} holds Store.sln.");
    }

    private sealed class ModuleLoadContext(string directory) : AssemblyLoadContext("module")
    {
        protected override Assembly? Load(AssemblyName assemblyName)
        {
            string path = Path.Combine(directory, assemblyName.Name + ".dll");
            return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
        }
    }
}
