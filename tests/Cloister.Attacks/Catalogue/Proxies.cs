using System.Net;
using System.Net.Sockets;
using Cloister.Attacks.Framework;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>Whoever sets the environment of an operator's shell, or a site that sets it for everybody, has a proxy that reads along.</summary>
internal sealed class ProxyInEnvironment() : Attack(
    "host-proxy-in-environment", Attacker.Host, "http_proxy and the like in the environment of an operator's command", Promise.Protected,
    "no program takes a proxy from the environment: sockets, brokers, etcd and key stores are reached directly")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ScratchFolder folder = ground.Add(new ScratchFolder());
        DevEnclave dev = await ground.AddAsync(DevEnclave.StartAsync(folder["d"]));
        using TcpListener proxy = new(IPAddress.Loopback, 0);
        proxy.Start();
        Task<Socket> caught = proxy.AcceptSocketAsync(ground.Stop).AsTask();
        string url = $"http://{proxy.LocalEndpoint}";
        await using CliProcess probe = CliProcess.StartAfter(
            $"export http_proxy={url} https_proxy={url} all_proxy={url} HTTP_PROXY={url} HTTPS_PROXY={url} ALL_PROXY={url}; unset no_proxy NO_PROXY",
            "probe", "--socket", dev.KmsSocket, "--count", "3");
        await Task.WhenAny(probe.WaitForExitAsync(TimeSpan.FromMinutes(1)), caught);
        Trial attempt = caught.IsCompleted ? Trial.Success("the command's calls come to the proxy")
            : probe.ExitCode == 0 ? Trial.Refused("the command works, and nothing comes to the proxy")
            : Trial.Success("the command does not work any more");

        // What .NET does with such a proxy when nobody says otherwise.
        using HttpClient usual = new(new SocketsHttpHandler { UseProxy = true, Proxy = new WebProxy(url) });
        Task<HttpResponseMessage> call = usual.GetAsync("http://cloister.invalid/", ground.Stop);
        using Socket connection = await caught;
        byte[] seen = new byte[100];
        int count = await connection.ReceiveAsync(seen, ground.Stop);
        usual.CancelPendingRequests();
        await call.ContinueWith(static ended => ended.Exception, TaskScheduler.Default);
        return new Outcome(
            attempt,
            System.Text.Encoding.ASCII.GetString(seen, 0, count).StartsWith("GET http://cloister.invalid/", StringComparison.Ordinal)
                ? Trial.Success("a client that takes it sends its calls there") : Trial.Refused("nothing came"));
    }
}
