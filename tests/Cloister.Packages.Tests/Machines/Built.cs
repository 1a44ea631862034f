namespace Cloister.Packages.Tests.Machines;

/// <summary>What <c>make packages</c> left, and the same once more as a later version.</summary>
internal static class Built
{
    /// <summary>The later version's number.</summary>
    internal const string NextVersion = "99.0.1";

    private static readonly Lazy<Task<string>> Next = new(BuildNextAsync);

    private static readonly Lazy<Task<string>> Command = new(UnpackAsync);

    internal static string Packages { get; } = Shell.InRepository("artifacts", "packages");

    internal static string Simulator { get; } = Shell.InRepository("artifacts", "publish", "dev");

    internal static string Version { get; } = Path.GetFileName(Deb("cloister"))?.Split('_')[1] ?? "";

    internal static void SkipUnlessThere() => Assert.SkipUnless(Version.Length > 0, $"there is nothing in {Packages}: make packages");

    /// <summary>The files of the package cloister, in a folder.</summary>
    internal static Task<string> CommandAsync() => Command.Value;

    /// <summary>Packages of a later version, made of the same programs.</summary>
    internal static Task<string> NextAsync() => Next.Value;

    /// <summary>Builds packages as another user on another day would: time zone, umask and folder differ.</summary>
    internal static async Task<string> BuildAsync(string kinds, string folder, string zone, string umask)
    {
        (await Shell.BashAsync(
            $"umask {umask}; export TZ={zone} SOURCE_DATE_EPOCH=1700000000; '{Shell.InRepository("eng", "packages")}' --fast --only {kinds} --version {NextVersion} "
            + $"'{Shell.InRepository("artifacts", "publish")}' '{folder}'")).MustSucceed();
        return folder;
    }

    private static string? Deb(string package) =>
        Directory.Exists(Packages) ? Directory.GetFiles(Packages, $"{package}_*_amd64.deb").Order(StringComparer.Ordinal).FirstOrDefault() : null;

    private static async Task<string> UnpackAsync()
    {
        string folder = Shell.InRepository("artifacts", "packages-unpacked");
        (await Shell.BashAsync($"rm -rf '{folder}'; dpkg-deb -x '{Deb("cloister")}' '{folder}'")).MustSucceed();
        return folder;
    }

    private static Task<string> BuildNextAsync() => BuildAsync("deb", Shell.InRepository("artifacts", "packages-next"), "UTC", "022");
}
