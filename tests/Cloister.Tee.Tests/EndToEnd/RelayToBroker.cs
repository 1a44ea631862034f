using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Cloister.Broker.Tests.Processes;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>
/// <c>cloister relay</c> as the parent of a Nitro enclave runs it towards a broker, with a unix socket where vsock would be: few kernels lead
/// vsock back to the machine.
/// </summary>
internal sealed class RelayToBroker : IAsyncDisposable
{
    private static readonly string Program = typeof(RelayToBroker).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Cli").Value!;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-relay-").FullName;
    private readonly Process _process;

    private RelayToBroker(Uri broker)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(Program, ["relay", "--listen", $"unix:{Socket}", "--target", broker.Authority]) { RedirectStandardOutput = true },
        };
    }

    internal EndPoint EndPoint => new UnixDomainSocketEndPoint(Socket);

    private string Socket => Path.Combine(_folder, "relay.sock");

    internal static async Task<RelayToBroker> StartAsync(Uri broker)
    {
        RelayToBroker relay = new(broker);
        relay._process.Start();
        using CancellationTokenSource limit = new(BrokerProcess.Timeout);
        string? line = await relay._process.StandardOutput.ReadLineAsync(limit.Token);
        Assert.StartsWith("ready", line, StringComparison.Ordinal);
        return relay;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
