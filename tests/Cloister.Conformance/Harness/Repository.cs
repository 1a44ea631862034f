namespace Cloister.Conformance.Harness;

/// <summary>The checkout these tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder with Cloister.slnx.</summary>
    public static string Root { get; } = Find();

    /// <summary>A path under it.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Cloister.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no Cloister.slnx above {AppContext.BaseDirectory}");
    }
}
