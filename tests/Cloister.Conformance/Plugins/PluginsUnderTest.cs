using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>
/// Which plugin a run tests: <c>cloister dev</c>, or the Go peer when CLOISTER_CONFORMANCE_PLUGIN is <c>kmspeer</c>.
/// </summary>
internal static class PluginsUnderTest
{
    private static readonly bool Peer = Environment.GetEnvironmentVariable("CLOISTER_CONFORMANCE_PLUGIN") is "kmspeer";

    private static readonly Lazy<Task> Built = new(BuildAsync);

    /// <summary>Whether the repository's root has the command.</summary>
    public static bool HaveCloister { get; } = File.Exists(CloisterPlugin.Program);

    /// <summary>Has the command build itself once, before several tests start it at once.</summary>
    public static async Task PrepareAsync()
    {
        Assert.SkipUnless(Peer || HaveCloister, "there is no ./cloister to test; CLOISTER_CONFORMANCE_PLUGIN=kmspeer tests the Go peer");
        if (HaveCloister)
        {
            await Built.Value;
        }
    }

    public static IPluginUnderTest Create(HarnessPrograms programs, string folder) =>
        Peer ? new PeerPlugin(programs, folder) : new CloisterPlugin(folder);

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
