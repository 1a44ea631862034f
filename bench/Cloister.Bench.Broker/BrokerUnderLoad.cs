using System.Diagnostics;
using System.Globalization;
using Cloister.Broker.Administration;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.Tests;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Bench.Broker;

/// <summary>A broker process on a database, with one KEK that is released and one that is not; and what it costs.</summary>
internal sealed class BrokerUnderLoad : IAsyncDisposable
{
    internal const string Released = "released";
    internal const string Kept = "kept";

    // The unit of /proc/PID/stat.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
    private readonly string _database;
    private readonly Process _process;

    private BrokerUnderLoad(string program, string database, string? collateral, string limits)
    {
        _database = database == "sqlite" ? $"sqlite:{_folder}/broker.db" : database;
        SimulatedEnclave.WriteCollateral(Path.Combine(_folder, "collateral"));
        File.WriteAllText(Path.Combine(_folder, "broker.yaml"), $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: BrokerConfiguration
            listen: 127.0.0.1:0
            database: "{{_database}}"
            rootKey: { file: {{_folder}}/UNPROTECTED-root.key }
            collateral: {{collateral ?? $"{{ directory: {_folder}/collateral }}"}}
            limits: { {{limits}} }
            otherRoots: allowed
            """);
        _process = Process.Start(new ProcessStartInfo(program, ["--config", Path.Combine(_folder, "broker.yaml")])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
    }

    internal Uri Url { get; private set; } = new("https://unset");

    internal string Pin { get; private set; } = "";

    internal TimeSpan Cpu => Stat()[11..13].Aggregate(TimeSpan.Zero, (sum, ticks) => sum + (Tick * long.Parse(ticks, CultureInfo.InvariantCulture)));

    internal double RssMiB => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    internal long DatabaseBytes => Directory.EnumerateFiles(_folder, "broker.db*").Sum(file => new FileInfo(file).Length);

    /// <summary>Starts one.</summary>
    /// <param name="program">The broker.</param>
    /// <param name="database">Its database.</param>
    /// <param name="enclave">Whom its policies accept.</param>
    /// <param name="collateral">The section of that name; null: a directory.</param>
    /// <param name="limits">What is in the section of that name: by default, one platform may do what a fleet does.</param>
    internal static async Task<BrokerUnderLoad> StartAsync(
        string program, string database, SimulatedEnclave enclave, string? collateral = null, string limits = "perPlatform: 10000000")
    {
        BrokerUnderLoad broker = new(program, database, collateral, limits);
        string line = await broker._process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the broker ended");
        string[] words = line.Split(' ');
        (broker.Url, broker.Pin) = (new Uri(words[1]), words[3]);
        await broker.MakeKeksAsync(enclave);
        return broker;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task MakeKeksAsync(SimulatedEnclave enclave)
    {
        Administrator by = new("bench", AdministratorRole.Operator | AdministratorRole.KeyCustodian);
        string authority = Convert.ToHexStringLower(Convert.FromBase64String(Pin["sha256:".Length..]).AsSpan(0, 16));
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(_database), TimeProvider.System, CancellationToken.None);
        WrappedKeys wrapped = await WrappedKeys.OpenAsync(_database, CancellationToken.None);
        await wrapped.UnlockAsync([FileRootKey.Open(Path.Combine(_folder, "UNPROTECTED-root.key"))], CancellationToken.None);
        await using DatabaseKeyStore store = new(wrapped);
        await state.AuthenticateAsync(await RowKeys.FindAsync(wrapped, CancellationToken.None), null, Console.Error.WriteLine, CancellationToken.None);
        BrokerAdministration administration = new(state, new Dictionary<string, IKeyStore> { [store.Kind] = store }, authority, _ => [], TimeProvider.System);
        string policy = enclave.Policy(duration: "1h").Replace("wraps: 1000, unwraps: 2000", "wraps: 1000000000000, unwraps: 1000000000000", StringComparison.Ordinal);
        foreach ((string name, bool release) in ((string, bool)[])[(Released, true), (Kept, false)])
        {
            await administration.SetPolicyAsync(by, name, policy, CancellationToken.None);
            await administration.CreateKekAsync(by, new KekRecord(name, "c1", "database", name, release, DateTimeOffset.UnixEpoch), CancellationToken.None);
        }
    }

    // After the name, which may have spaces: the state is field 0, user time 11, system time 12.
    private string[] Stat() => File.ReadAllText($"/proc/{_process.Id}/stat").Split(") ")[^1].Split(' ');
}
