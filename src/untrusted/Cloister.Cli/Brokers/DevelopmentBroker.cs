using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Brokers;

/// <summary>
/// A broker as a child process, for development: started on a folder, administered through its own interface, stopped with its parent, however
/// that one ends.
/// </summary>
internal sealed class DevelopmentBroker : IAsyncDisposable
{
    private const string Program = "cloister-broker";
    private const string DatabaseStore = "database";

    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);

    private readonly FileStream _claim;
    private readonly DevelopmentBrokerOptions _options;
    private readonly X509Certificate2 _administrator;
    private ChildProgram _process;

    private DevelopmentBroker(
        ChildProgram process, FileStream claim, X509Certificate2 administrator, DevelopmentBrokerFiles files, DevelopmentBrokerOptions options, string[] ready)
    {
        _process = process;
        _claim = claim;
        _administrator = administrator;
        _options = options;
        Files = files;
        (Url, Pin, AdminUrl) = (ready[1], ready[3], ready[5]);
        Admin = new AdministrationClient(new Uri(AdminUrl), BrokerPin.Parse(Pin), administrator);
    }

    /// <summary>Its files.</summary>
    internal DevelopmentBrokerFiles Files { get; }

    /// <summary>Where enclaves connect.</summary>
    internal string Url { get; }

    /// <summary>What they pin.</summary>
    internal string Pin { get; }

    /// <summary>Where administrators connect.</summary>
    internal string AdminUrl { get; }

    /// <summary>Where browsers find its console; null: it serves none.</summary>
    internal string? ConsoleUrl => _options.Console ? AdminUrl + "/console/" : null;

    /// <summary>Its administration.</summary>
    internal AdministrationClient Admin { get; }

    /// <summary>Its process.</summary>
    internal int ProcessId => _process.ProcessId;

    /// <summary>Ends when the process does.</summary>
    internal Task Ended => _process.Ended;

    /// <summary>How an administrator's command names it: options of <c>cloister kek</c>, <c>enclaves</c>, <c>policy</c> and <c>audit</c>.</summary>
    internal string CommandOptions => $"--broker {AdminUrl} --pin {Pin} --certificate {Files.AdministratorCertificate} --key {Files.AdministratorKey}";

    /// <summary>Makes what is missing, starts the program and waits until it is ready.</summary>
    /// <exception cref="CliException">It is not there, or it does not come up; the message has what it said.</exception>
    internal static async Task<DevelopmentBroker> StartAsync(DevelopmentBrokerFiles files, DevelopmentBrokerOptions options, CancellationToken cancellation)
    {
        FileStream claim = files.Claim();
        X509Certificate2? administrator = null;
        try
        {
            await SimulatedEnclave.MakeVendorAsync(files.Vendor.Folder, cancellation);
            administrator = ClientIdentity.Open(files.AdministratorCertificate, files.AdministratorKey);
            if (options.Console)
            {
                ClientIdentity.WriteForBrowser(administrator, files.BrowserIdentity, DevelopmentBrokerFiles.BrowserPassword);
            }

            (ChildProgram process, string[] ready) = await StartProgramAsync(files, options, administrator, cancellation);
            return new DevelopmentBroker(process, claim, administrator, files, options, ready);
        }
        catch
        {
            administrator?.Dispose();
            await claim.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the program again after it ended, where enclaves and administrators know it.</summary>
    /// <exception cref="CliException">It does not come up, or another program took its address meanwhile.</exception>
    internal async Task RestartAsync(CancellationToken cancellation)
    {
        await _process.DisposeAsync();
        (_process, string[] ready) = await StartProgramAsync(Files, _options, _administrator, cancellation);
        if (ready[1] != Url || ready[3] != Pin || ready[5] != AdminUrl)
        {
            throw new CliException($"the broker was at {Url} and is at {ready[1]} now, where no enclave looks for it: start everything again");
        }
    }

    /// <summary>Lets enclaves have a KEK: puts a policy of the KEK's name in force, and makes the KEK unless it is there.</summary>
    /// <param name="kek">Its name.</param>
    /// <param name="cluster">The cluster it is for.</param>
    /// <param name="measurement">The measurement that gets it.</param>
    /// <param name="configurationDigests">The configurations that get it.</param>
    /// <param name="release">False: it stays with the broker.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CliException">The broker refuses, or has such a KEK for another cluster.</exception>
    internal async Task AdmitAsync(
        string kek, string cluster, string measurement, IEnumerable<string> configurationDigests, bool release, CancellationToken cancellation)
    {
        string root = await File.ReadAllTextAsync(Files.Vendor.Root, cancellation);
        await Admin.SetPolicyAsync(kek, DevelopmentPolicy.Text(kek, root, measurement, configurationDigests), cancellation);
        KekSummary? there = (await Admin.ListKeksAsync(null, cancellation)).FirstOrDefault(one => one.Name == kek);
        if (there is null)
        {
            await Admin.CreateKekAsync(new CreateKekRequest(kek, cluster, kek, release ? DatabaseStore : _options.KeptIn, release), cancellation);
        }
        else if (there.Cluster != cluster)
        {
            throw new CliException($"the broker in {Files.Folder} has KEK {kek} for cluster {there.Cluster}: use that --cluster, or another --dir");
        }
    }

    /// <summary>Stops the program in order; what is left is its files.</summary>
    internal Task StopAsync() => _process.StopAsync();

    /// <summary>Stops it in order; after four seconds, without.</summary>
    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await _process.DisposeAsync();
        _administrator.Dispose();
        await _claim.DisposeAsync();
    }

    private static async Task<(ChildProgram Process, string[] Ready)> StartProgramAsync(
        DevelopmentBrokerFiles files, DevelopmentBrokerOptions options, X509Certificate2 administrator, CancellationToken cancellation)
    {
        files.Prepare(AdministratorCertificate.PinOf(administrator), options);
        ChildProgram process = ChildProgram.Start(Program, ["--config", files.Configuration, "--stop-with-stdin"], options.ShowLog, options.Environment);
        try
        {
            string[] ready = await ReadyAsync(process, cancellation);
            files.Remember(new Uri(ready[1]), new Uri(ready[5]));
            return (process, ready);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    // "ready URL pin PIN admin URL"
    private static async Task<string[]> ReadyAsync(ChildProgram process, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(StartTime);
        try
        {
            if (await process.ReadLineAsync(limit.Token) is { } line)
            {
                string[] words = line.Split(' ');
                return words is ["ready", _, "pin", _, "admin", _] ? words : throw new CliException($"{Program} says '{line}' and not that it is ready: it is of another version than this program");
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CliException($"{Program} is not ready after {StartTime.TotalSeconds:0} s:\n{process.Said}");
        }

        await process.ExitAsync(cancellation);
        throw new CliException($"{Program} ended at start:\n{process.Said}");
    }
}
