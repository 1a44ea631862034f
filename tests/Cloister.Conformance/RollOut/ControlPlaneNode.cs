using System.Diagnostics.CodeAnalysis;
using System.Net;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.RollOut;

/// <summary>
/// One control-plane node: an enclave of its own (<c>cloister dev</c>) and an API server, always on the same port. It is in service as behind a load balancer: who
/// restarts something takes it out before, waits until its requests are answered, and puts it back once it is ready.
/// </summary>
internal sealed class ControlPlaneNode : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly HarnessPrograms _programs;
    private readonly string _folder;
    private readonly string _etcd;
    private readonly string[] _tls;
    private readonly int _port = LoopbackPort.Next();
    private readonly Lock _lock = new();
    private ChildProcess? _enclave;
    private ApiServer? _apiServer;
    private CancellationTokenSource? _inService;
    private int _requests;

    /// <param name="programs">The programs.</param>
    /// <param name="name">Its name.</param>
    /// <param name="folder">For its files.</param>
    /// <param name="etcd">Where etcd is.</param>
    /// <param name="tls">PEM files of the certificate and key that API servers show; one for all, so that one kubeconfig is for each of them.</param>
    internal ControlPlaneNode(HarnessPrograms programs, string name, string folder, string etcd, (string Certificate, string Key) tls)
    {
        (_programs, Name, _folder, _etcd, _tls) = (programs, name, folder, etcd, ["--tls-cert-file", tls.Certificate, "--tls-private-key-file", tls.Key]);
        Directory.CreateDirectory(Enclave);
        Api = Connect();
    }

    internal string Name { get; }

    /// <summary>Connections to the API server's life of now, as a load balancer makes them for a node that is back.</summary>
    internal HttpClient Api { get; private set; }

    internal string Url => $"https://127.0.0.1:{_port}";

    internal string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>The API server's EncryptionConfiguration, when it is started with one.</summary>
    internal string EncryptionConfiguration => Path.Combine(_folder, "encryption.yaml");

    internal string KmsSocket => Path.Combine(Enclave, "kms.sock");

    internal string AdminSocket => Path.Combine(Enclave, "admin.sock");

    internal string SecretsSocket => Path.Combine(Enclave, "secrets.sock");

    private string Enclave => Path.Combine(_folder, "enclave");

    private string Gateway => Path.Combine(Enclave, "gateway");

    /// <summary>Starts the enclave, with a gateway in this mode or none, in the place of the one that runs.</summary>
    internal async Task StartEnclaveAsync(string? gatewayMode, CancellationToken cancellation)
    {
        if (_enclave is not null)
        {
            await _enclave.DisposeAsync();
        }

        string[] gateway = gatewayMode is null ? [] : ["--etcd", _etcd, "--gateway-mode", gatewayMode];
        _enclave = ChildProcess.Start("enclave", _folder, CloisterPlugin.Program, ["dev", "--dir", Enclave, "--cluster", "rollout", .. gateway]);
        await _enclave.WaitForLineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), StartLimit, cancellation);
    }

    /// <summary>Starts an API server in the place of the one that runs.</summary>
    /// <param name="encrypts">It has its EncryptionConfiguration.</param>
    /// <param name="gateway">Its Secrets go through the gateway.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="more">Further arguments.</param>
    internal async Task StartApiServerAsync(bool encrypts, bool gateway, CancellationToken cancellation, params IEnumerable<string> more)
    {
        await StopApiServerAsync();
        Api.Dispose();
        Api = Connect();
        List<string> arguments = ["--secure-port", $"{_port}", "--etcd-servers", _etcd, .. _tls, .. more];
        if (encrypts)
        {
            arguments.AddRange(["--encryption-provider-config", EncryptionConfiguration]);
        }

        if (gateway)
        {
            arguments.AddRange(["--etcd-servers-overrides", $"/secrets#{await File.ReadAllTextAsync(Path.Combine(Gateway, "url"), cancellation)}"]);
            arguments.AddRange(["--etcd-cafile", Path.Combine(Gateway, "ca.crt"), "--etcd-certfile", Path.Combine(Gateway, "client.crt"), "--etcd-keyfile", Path.Combine(Gateway, "client.key")]);
        }

        _apiServer = await ApiServer.StartAsync(_programs, _folder, Kubeconfig, arguments, cancellation);
        string said = "";
        await Eventually.HoldsAsync(
            $"node {Name} is ready",
            StartLimit,
            async () => (said = await AskAsync("/readyz?verbose", cancellation)).Length == 0 && (said = await AskAsync("/api/v1/namespaces/default/secrets", cancellation)).Length == 0,
            cancellation,
            () => $"{said}\n{_apiServer.Tail()}");
    }

    internal async Task StopApiServerAsync()
    {
        if (_apiServer is not null)
        {
            await _apiServer.DisposeAsync();
            _apiServer = null;
        }
    }

    internal void PutInService()
    {
        lock (_lock)
        {
            _inService ??= new CancellationTokenSource();
        }
    }

    /// <summary>No new request comes here; returns when those that are under way are answered. Watches end.</summary>
    internal async Task TakeOutOfServiceAsync(CancellationToken cancellation)
    {
        CancellationTokenSource? inService;
        lock (_lock)
        {
            (inService, _inService) = (_inService, null);
        }

        if (inService is not null)
        {
            await inService.CancelAsync();
            await Eventually.HoldsAsync($"requests to node {Name} are answered", StartLimit, () => Task.FromResult(Volatile.Read(ref _requests) == 0), cancellation);
        }
    }

    /// <summary>Begins a request, if the node is in service: ended by disposing of it.</summary>
    /// <param name="request">The request; its token ends when the node is taken out of service, for watches.</param>
    internal bool TryBegin([NotNullWhen(true)] out Request? request)
    {
        lock (_lock)
        {
            request = _inService is null ? null : new Request(this, _inService.Token);
            _requests += request is null ? 0 : 1;
            return request is not null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await StopApiServerAsync();
        if (_enclave is not null)
        {
            await _enclave.DisposeAsync();
        }
    }

    private HttpClient Connect()
    {
        HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        return new HttpClient(handler) { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(60) };
    }

    // Empty for 200, or what it said.
    private async Task<string> AskAsync(string path, CancellationToken cancellation)
    {
        try
        {
            using HttpResponseMessage response = await Api.GetAsync(path, cancellation);
            return response.StatusCode == HttpStatusCode.OK ? "" : $"{path}: {await response.Content.ReadAsStringAsync(cancellation)}";
        }
        catch (HttpRequestException e)
        {
            return $"{path}: {e.Message}";
        }
    }

    /// <summary>One request under way.</summary>
    internal sealed class Request(ControlPlaneNode node, CancellationToken outOfService) : IDisposable
    {
        internal CancellationToken OutOfService { get; } = outOfService;

        public void Dispose() => Interlocked.Decrement(ref node._requests);
    }
}
