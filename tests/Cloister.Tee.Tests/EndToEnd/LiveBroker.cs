using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores.RootKeys;
using Cloister.Tee.Tests.Support;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A broker process that verifies quotes of one imitated Intel, and administration on its database.</summary>
internal sealed class LiveBroker : IAsyncDisposable
{
    private static int s_names;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-broker-").FullName;
    private BrokerProcess? _process;
    private OtherBroker? _admin;

    private LiveBroker()
    {
    }

    internal DcapMint Intel { get; } = new(DateTimeOffset.UtcNow.AddDays(-30));

    internal BrokerProcess Process => _process!;

    internal OtherBroker Admin => _admin!;

    internal static async Task<LiveBroker> StartAsync()
    {
        LiveBroker broker = new();
        try
        {
            foreach (TeeKind tee in (TeeKind[])[TeeKind.Sgx, TeeKind.Tdx])
            {
                broker.Intel.WriteCollateral(Path.Combine(broker._folder, "collateral"), tee, DateTimeOffset.UtcNow.AddHours(-1));
            }

            SnpMachine.WriteCollateral(Path.Combine(broker._folder, "collateral"));
            string configuration = Path.Combine(broker._folder, "broker.yaml");
            string rootKey = Path.Combine(broker._folder, "UNPROTECTED-root.key");
            string database = $"sqlite:{broker._folder}/broker.db";
            await File.WriteAllTextAsync(
                configuration,
                $$"""
                apiVersion: cloister.dev/v1alpha1
                kind: BrokerConfiguration
                listen: 127.0.0.1:0
                database: "{{database}}"
                rootKey: { file: {{rootKey}} }
                keyStore: database
                collateral: { directory: {{broker._folder}}/collateral }
                otherRoots: allowed
                """);
            broker._process = await BrokerProcess.StartAsync(configuration);
            broker._admin = await OtherBroker.OpenAsync(database, broker._process.Authority, FileRootKey.Open(rootKey), []);
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>A name for a KEK that no other test uses.</summary>
    internal static string NewKek() => $"kek-{Interlocked.Increment(ref s_names)}";

    public async ValueTask DisposeAsync()
    {
        if (_admin is not null)
        {
            await _admin.DisposeAsync();
        }

        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
