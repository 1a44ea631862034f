using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A broker process, a client of it, and administration on its database.</summary>
internal sealed class RunningPair : IAsyncDisposable
{
    private static int s_names;

    private RunningPair(BrokerProcess process, OtherBroker admin)
    {
        Process = process;
        Admin = admin;
        Client = new KbsClient(process.Url, process.Pin);
    }

    public BrokerProcess Process { get; }

    public OtherBroker Admin { get; }

    public KbsClient Client { get; }

    public static Task<RunningPair> StartAsync(BrokerFolder folder, IRootKey? root = null, params IKeyStore[] stores) => StartAsync(folder, "", root, stores);

    /// <summary>With more lines in the configuration.</summary>
    public static async Task<RunningPair> StartAsync(BrokerFolder folder, string more, IRootKey? root = null, params IKeyStore[] stores)
    {
        BrokerProcess process = await folder.StartAsync(more);
        return new RunningPair(process, await folder.OpenAsync(process, root, stores));
    }

    /// <summary>A name for a KEK that no other test uses.</summary>
    public static string NewName() => $"kek-{Interlocked.Increment(ref s_names)}";

    /// <summary>A new KEK that this enclave gets.</summary>
    public async Task<string> NewKekAsync(SimulatedEnclave enclave, bool release = true, string store = "database")
    {
        string name = NewName();
        await Admin.MakeKekAsync(name, enclave.Policy(), release, store);
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Admin.DisposeAsync();
        await Process.DisposeAsync();
    }
}
