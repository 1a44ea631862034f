using System.Net;
using System.Net.Sockets;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral.Tests;

/// <summary>A server on this machine that answers as Intel's service, a caching service, or AMD's.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Dictionary<string, Func<HttpListenerContext, byte[]>> _routes = [];

    public LocalServer()
    {
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

    public List<string> Requests { get; } = [];

    public bool IsDown { get; set; }

    public void Route(string path, byte[] body) => _routes[path] = _ => body;

    public void Route(string path, Func<HttpListenerContext, byte[]> answer) => _routes[path] = answer;

    /// <summary>Serves collateral as a service of the PCS API does.</summary>
    public void ServeCollateral(string tee, string fmspc, string ca, DcapCollateral collateral, bool hexCrls, string update = "standard")
    {
        Route($"/{tee}/certification/v4/tcb?fmspc={fmspc}&update={update}", c => WithChain(c, "TCB-Info-Issuer-Chain", collateral.TcbSigningChain, collateral.TcbInfo));
        Route($"/{tee}/certification/v4/qe/identity?update={update}", c => WithChain(c, "SGX-Enclave-Identity-Issuer-Chain", collateral.QeIdentityChain.IsEmpty ? collateral.TcbSigningChain : collateral.QeIdentityChain, collateral.QeIdentity));
        Route($"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der", c => WithChain(c, "SGX-PCK-CRL-Issuer-Chain", collateral.PckCrlIssuerChain, Crl(collateral.PckCrl, hexCrls)));
        Route("/sgx/certification/v4/rootcacrl", Crl(collateral.RootCaCrl, hexCrls));
    }

    public void Dispose() => _listener.Close();

    private static byte[] Crl(ReadOnlyMemory<byte> der, bool hex) => hex ? System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(der.Span)) : der.ToArray();

    private static byte[] WithChain(HttpListenerContext context, string header, ReadOnlyMemory<byte> chain, ReadOnlyMemory<byte> body)
    {
        context.Response.Headers[header] = Uri.EscapeDataString(System.Text.Encoding.ASCII.GetString(chain.Span));
        return body.ToArray();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            Requests.Add(context.Request.RawUrl!);
            if (IsDown || !_routes.TryGetValue(context.Request.RawUrl!, out Func<HttpListenerContext, byte[]>? answer))
            {
                context.Response.StatusCode = IsDown ? 503 : 404;
                context.Response.Close();
                continue;
            }

            byte[] body = answer(context);
            context.Response.ContentLength64 = body.Length;
            try
            {
                await context.Response.OutputStream.WriteAsync(body);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or IOException)
            {
                // The client had enough.
            }
        }
    }
}
