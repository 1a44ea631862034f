using System.Reflection;
using System.Text;
using Cloister.Attestation.Policies;

namespace Cloister.Attestation.Tests.PublicApi;

/// <summary>
/// The public surface of the packages is written down beside their projects. A change of it is a decision: set CLOISTER_UPDATE_PUBLIC_API=1 to write the files anew.
/// </summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("Cloister.Attestation")]
    [InlineData("Cloister.Attestation.Policies")]
    public void The_public_surface_is_the_one_written_down(string name)
    {
        DirectoryInfo? repository = new(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Cloister.slnx")))
        {
            repository = repository.Parent;
        }

        Assert.SkipWhen(repository is null, "The tests do not run in the repository.");
        string file = Path.Combine(repository!.FullName, "src", "shared", name, "PublicApi.txt");
        string surface = Describe((name == "Cloister.Attestation" ? typeof(Tee) : typeof(AppraisalPolicyReader)).Assembly);
        if (Environment.GetEnvironmentVariable("CLOISTER_UPDATE_PUBLIC_API") == "1")
        {
            File.WriteAllText(file, surface);
        }

        Assert.Equal(File.Exists(file) ? File.ReadAllText(file) : "", surface);
    }

    private static string Describe(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(type.FullName).Append('\n');
            const BindingFlags Own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
            IEnumerable<string> members = type.GetMembers(Own).Where(IsVisible).Select(m => m.ToString()!).Order(StringComparer.Ordinal);
            foreach (string member in members)
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly) && !IsAccessor(method),
        FieldInfo field => field.IsPublic && field.Name != "value__",
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(a => a.IsPublic || a.IsFamily || a.IsFamilyOrAssembly),
        _ => false,
    };

    private static bool IsAccessor(MethodBase method) =>
        method.IsSpecialName && (method.Name.StartsWith("get_", StringComparison.Ordinal) || method.Name.StartsWith("set_", StringComparison.Ordinal));
}
