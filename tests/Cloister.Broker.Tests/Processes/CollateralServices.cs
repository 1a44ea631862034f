using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Tests.Processes;

/// <summary>
/// A caching service of Intel's collateral and AMD's key distribution service in one, on this machine: it has what it was given, counts what it is asked, and is
/// slow to say that it has nothing.
/// </summary>
internal sealed class CollateralServices : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentDictionary<string, (byte[] Body, string Header, string Chain)> _routes = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _asked = new();
    private readonly TimeSpan _slowness;

    public CollateralServices(TimeSpan slowness)
    {
        _slowness = slowness;
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        int port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        Address = new Uri($"http://127.0.0.1:{port}/");
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _ = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>Paths that were asked for, with their queries.</summary>
    public IReadOnlyCollection<string> Asked => _asked;

    public void Give(string path, byte[] body) => _routes[path] = (body, "", "");

    /// <summary>Has the collateral of the platform model that a simulated enclave runs on.</summary>
    public Task GiveAsync(SimulatedEnclave enclave)
    {
        Give(enclave, request => request);
        return Task.CompletedTask;
    }

    /// <summary>Has it changed, as what counts or as what is early.</summary>
    public void Give(SimulatedEnclave enclave, Func<DcapCollateralRequest, DcapCollateralRequest> change, string update = "standard")
    {
        DcapCollateralKey key = DcapCollateralKey.FromQuote(enclave.Quote(new byte[64]));
        DcapCollateral made = enclave.NewCollateral(change);
        string tee = TeeNames.NameOf(key.Tee);
        _routes[$"/{tee}/certification/v4/tcb?fmspc={key.Fmspc}&update={update}"] = (made.TcbInfo.ToArray(), "TCB-Info-Issuer-Chain", Text(made.TcbSigningChain));
        _routes[$"/{tee}/certification/v4/qe/identity?update={update}"] = (made.QeIdentity.ToArray(), "SGX-Enclave-Identity-Issuer-Chain", Text(made.TcbSigningChain));
        _routes[$"/sgx/certification/v4/pckcrl?ca={key.AuthorityName}&encoding=der"] = (made.PckCrl.ToArray(), "SGX-PCK-CRL-Issuer-Chain", Text(made.PckCrlIssuerChain));
        _routes["/sgx/certification/v4/rootcacrl"] = (made.RootCaCrl.ToArray(), "", "");
    }

    public void Dispose() => _listener.Close();

    private static string Text(ReadOnlyMemory<byte> chain) => Uri.EscapeDataString(System.Text.Encoding.ASCII.GetString(chain.Span));

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.GetContextAsync());
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            string path = context.Request.Url!.PathAndQuery;
            _asked.Enqueue(path);
            if (_routes.TryGetValue(path, out (byte[] Body, string Header, string Chain) route))
            {
                if (route.Header.Length > 0)
                {
                    context.Response.Headers[route.Header] = route.Chain;
                }

                await context.Response.OutputStream.WriteAsync(route.Body);
            }
            else
            {
                await Task.Delay(_slowness);
                context.Response.StatusCode = 404;
            }

            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            // Whoever asked waits no more.
        }
    }
}
