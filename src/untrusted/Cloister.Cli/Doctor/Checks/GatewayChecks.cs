using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The gateway to etcd: its certificates, the members behind it, and the values that went through it.</summary>
internal static class GatewayChecks
{
    internal const string DefaultListen = "tcp:127.0.0.1:2390";

    private const string Document = "docs/gateway.md";

    private static readonly TimeSpan Soon = TimeSpan.FromDays(14);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("gateway-certificate", DoctorPhase.Node, "it serves, with a certificate that lasts", Document, ServingAsync),
        Check.Of("gateway-files", DoctorPhase.Node, "certificates that it reads last", Document, Files),
        new("gateway-etcd-members", DoctorPhase.Node, "every member of etcd can be connected to", Document, MembersAsync),
        Counter("gateway-etcd-failures", "members of etcd do their work", CheckState.Warn, name => name.StartsWith("gateway_etcd_failures_", StringComparison.Ordinal) || name == "gateway_etcd_left",
            "a member could not be reached or did not do its work since the start: look at etcd", "etcdctl endpoint health --cluster"),
        Counter("gateway-undecryptable", "values open", CheckState.Error, name => name == "gateway_values_undecryptable",
            "they were changed in etcd, or moved to another key: the enclave's log names the keys", "cloister etcd coverage --verify --secrets-socket SOCKET --endpoints ETCD"),
        Counter("gateway-kek-absent", "every KEK that values need is here", CheckState.Error, name => name == "gateway_values_kek_absent",
            "give the KEK version that they name: the enclave's log has it", "cloister kek list --admin-socket /run/cloister/admin.sock"),
        Counter("gateway-refused", "nothing was planted", CheckState.Error, name => name is "gateway_values_refused" or "gateway_answers_refused",
            "in mode sealed somebody wrote past the gateway, or what stands in etcd's place answers something else than was asked: the enclave's log names the keys", "journalctl -u cloister-enclave"),
        Counter("gateway-keys-refused", "nobody asks for keys that are not served", CheckState.Warn, name => name == "gateway_keys_refused",
            "only Secrets belong behind it: --etcd-servers-overrides=/secrets#..., or name the keys in gateway.uncovered", "journalctl -u cloister-enclave"),
        Counter("gateway-files-refused", "changed certificates are taken up", CheckState.Warn, name => name == "gateway_tls_files_refused",
            "a changed file is no good, and the old one is used: the enclave's log names it", "journalctl -u cloister-enclave"),
    ];

    private static Check Counter(string id, string title, CheckState state, Func<string, bool> counts, string fix, string command) => Check.Each(
        id, DoctorPhase.Node, title, Document, scope => scope.EnclavesAsync(), (_, enclave) =>
        {
            if (enclave.Counter("gateway_calls") is null)
            {
                return [];
            }

            (string Name, ulong Value)[] seen = [.. enclave.State!.Counters.Where(counter => counts(counter.Name) && counter.Value > 0).Select(counter => (counter.Name, counter.Value))];
            return
            [
                seen.Length == 0 ? Finding.Ok(enclave.Socket, "none since its start")
                    : new Finding(state, enclave.Socket, string.Join(", ", seen.Select(one => $"{one.Name} {one.Value}")), fix, command),
            ];
        });

    private static JsonNode Gateway(DoctorScope scope) => scope.Configuration["gateway"] ?? throw new SkippedException("no gateway is configured");

    // The gateway shows its certificate before it asks for the client's, which is not given here.
    private static async Task<IEnumerable<Finding>> ServingAsync(DoctorScope scope, CancellationToken cancellation)
    {
        string listen = DoctorScope.Text(Gateway(scope), "listen") ?? DefaultListen;
        IPEndPoint end = IPEndPoint.Parse(listen[(listen.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        X509Certificate2Collection shown = await ShownAsync(end.Address.ToString(), end.Port, listen, cancellation);
        using X509Certificate2? certificate = shown.FirstOrDefault();
        return [certificate is null ? Finding.Error(listen, "no TLS", "another program has the port, or the enclave has no certificate yet: see its log", "journalctl -u cloister-enclave") : Judge(listen, certificate, scope.Now)];
    }

    /// <summary>The certificates that a TLS server shows, its own first; none: no TLS.</summary>
    internal static async Task<X509Certificate2Collection> ShownAsync(string host, int port, string name, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        X509Certificate2Collection shown = [];
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync(host, port, limit.Token);
            await using SslStream tls = new(client.GetStream());

            // What it shows is looked at, not trusted: the connection ends there, and nothing is sent over it.
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = IPAddress.TryParse(host, out _) ? "" : host,
                    RemoteCertificateValidationCallback = (_, leaf, chain, _) =>
                    {
                        if (leaf is not null)
                        {
                            shown.Add(X509CertificateLoader.LoadCertificate(leaf.GetRawCertData()));
                            foreach (X509Certificate2 other in chain?.ChainPolicy.ExtraStore ?? [])
                            {
                                shown.Add(X509CertificateLoader.LoadCertificate(other.RawData));
                            }
                        }

                        return false;
                    },
                },
                limit.Token);
        }
        catch (SocketException e)
        {
            throw new IOException($"{name}: {e.SocketErrorCode}");
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // Refused here after it has shown its certificate; or no TLS.
        }

        return shown;
    }

    private static IEnumerable<Finding> Files(DoctorScope scope)
    {
        JsonNode gateway = Gateway(scope);
        foreach ((JsonNode? section, string field) in ((JsonNode?, string)[])[(gateway["tls"], "certificate"), (gateway["tls"], "clientCa"), (gateway["etcd"], "certificate"), (gateway["etcd"], "ca")])
        {
            if (DoctorScope.Text(section, field) is ['/', ..] path)
            {
                yield return JudgeFile(scope, path);
            }
        }
    }

    private static Finding JudgeFile(DoctorScope scope, string path)
    {
        if (scope.Host.Text(path) is not { } pem)
        {
            return Finding.Error(path, "not there", "put it there: the gateway does not start without it");
        }

        try
        {
            X509Certificate2Collection certificates = [];
            certificates.ImportFromPem(pem);
            return certificates.Count == 0 ? Finding.Error(path, "no certificate in it", "a PEM file with a certificate") : certificates.Select(one => Judge(path, one, scope.Now)).MaxBy(finding => finding.State)!;
        }
        catch (CryptographicException)
        {
            return Finding.Error(path, "not PEM", "a PEM file with a certificate");
        }
    }

    /// <summary>How long a certificate lasts.</summary>
    internal static Finding Judge(string target, X509Certificate2 certificate, DateTimeOffset now)
    {
        DateTimeOffset end = certificate.NotAfter;
        string seen = $"{certificate.Subject}, until {end.UtcDateTime:yyyy-MM-dd HH:mm}Z";
        const string Fix = "a new one in its place: it is taken up within seconds. One that the broker issues is renewed with each lease: then look at the lease";
        string command = target.StartsWith('/') ? $"openssl x509 -in {target} -noout -dates" : "cloister kek list --admin-socket /run/cloister/admin.sock";
        return now >= end || now < certificate.NotBefore
            ? Finding.Error(target, $"{(now >= end ? "ended" : "does not count yet")}: {seen}", Fix, command)
            : Finding.WarnUnless(end - now >= Soon || end - certificate.NotBefore <= Soon, target, seen, Fix, command);
    }

    private static async Task<IEnumerable<Finding>> MembersAsync(DoctorScope scope, CancellationToken cancellation)
    {
        IReadOnlyList<string> endpoints = DoctorScope.Texts(Gateway(scope)["etcd"]?["endpoints"]);
        List<(string Endpoint, string? Failure)> members = [];
        foreach (string endpoint in endpoints)
        {
            members.Add((endpoint, await FailureAsync(endpoint, cancellation)));
        }

        bool none = members.TrueForAll(member => member.Failure is not null);
        return members.Select(member => member.Failure is null ? Finding.Ok(member.Endpoint, "connected")
            : new Finding(none ? CheckState.Error : CheckState.Warn, member.Endpoint, member.Failure, none ? "no member is there: API servers cannot read or write Secrets" : "the gateway uses another member", "etcdctl endpoint health --cluster"));
    }

    /// <summary>Why an address cannot be connected to; null: it can.</summary>
    internal static async Task<string?> FailureAsync(string url, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri))
        {
            return "no address";
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync(uri.Host.Trim('[', ']'), uri.Port, limit.Token);
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return $"no answer within {Limit.TotalSeconds:0} s";
        }
    }
}
