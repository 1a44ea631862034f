using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>
/// Which plugin a run tests: <c>cloister dev</c>, or what CLOISTER_CONFORMANCE_PLUGIN says: <c>kmspeer</c> for the Go peer, the
/// absolute path of a simulated enclave program for that program.
/// </summary>
internal static class PluginsUnderTest
{
    private static readonly string Chosen = Environment.GetEnvironmentVariable("CLOISTER_CONFORMANCE_PLUGIN") ?? "";

    private static readonly Lazy<Task> Built = new(BuildAsync);

    /// <summary>Whether the repository's root has the command.</summary>
    public static bool HaveCloister { get; } = File.Exists(CloisterPlugin.Program);

    /// <summary>Has the command build itself once, before several tests start it at once.</summary>
    public static async Task PrepareAsync()
    {
        Assert.SkipUnless(Chosen.Length > 0 || HaveCloister, "there is no ./cloister to test; CLOISTER_CONFORMANCE_PLUGIN=kmspeer tests the Go peer");
        if (HaveCloister)
        {
            await Built.Value;
        }
    }

    public static IPluginUnderTest Create(HarnessPrograms programs, string folder) => Chosen switch
    {
        "" => new CloisterPlugin(folder),
        "kmspeer" => new PeerPlugin(programs, folder),
        ['/', ..] => new EnclavePlugin(Chosen, folder),
        _ => throw new InvalidOperationException($"CLOISTER_CONFORMANCE_PLUGIN is neither kmspeer nor an absolute path: {Chosen}"),
    };

    /// <summary>The same behind the relay; skips the test when there is none.</summary>
    public static IPluginUnderTest CreateRelayed(HarnessPrograms programs, string folder)
    {
        Assert.SkipUnless(HaveCloister, "there is no ./cloister, so no relay");
        return new RelayedPlugin(Create(programs, folder), folder);
    }

    private static async Task BuildAsync()
    {
        CommandResult result = await Command.RunAsync(
            CloisterPlugin.Program, ["--version"], CancellationToken.None, limit: TimeSpan.FromMinutes(10));
        result.EnsureSuccess();
    }
}
