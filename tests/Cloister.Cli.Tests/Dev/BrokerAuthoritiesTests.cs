using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Dev;

/// <summary>
/// A gateway whose configuration leaves both authorities to the broker (<c>clientCa: broker</c>, <c>ca: broker</c>), as an enclave under Gramine has it: real
/// broker, real enclave process, etcd with TLS. Leases of ten seconds.
/// </summary>
public sealed class BrokerAuthoritiesTests : IDisposable
{
    private const string Kek = "main";
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";
    private static readonly TimeSpan Renewals = TimeSpan.FromSeconds(60);

    private readonly ScratchFolder _folder = new();
    private int _port;

    public BrokerAuthoritiesTests() => Programs.NameThem();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_authority_is_replaced_without_a_restart_and_without_another_configuration()
    {
        EtcdTlsFiles files = new(_folder);
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path, files);
        await using DevelopmentBroker broker = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(_folder["broker"]), new DevelopmentBrokerOptions(), Stop);
        Client old = Client.Make(_folder, "old", rsa: true);
        Client next = Client.Make(_folder, "next", rsa: false, hours: 4);
        await using ChildProgram enclave = await StartAsync(broker, etcd, files, Gateway(files.Ca, old));

        using GrpcChannel open = await ThroughAsync(broker, old);
        await PutAsync(open, "by the old one");

        // They end some day too, as those of files do.
        await ExpireAsync(End(File.ReadAllText(files.Ca)), End(old.Authority));
        Assert.False(await CanPutAsync(broker, next));

        await SetPolicyAsync(broker, Gateway(files.Ca, old, next));
        await Eventually.TrueAsync(() => CanPutAsync(broker, next), "the new authority's client is let in", Renewals);
        Assert.True(await CanPutAsync(broker, old));
        await ExpireAsync(End(File.ReadAllText(files.Ca)), End(next.Authority));

        // Nothing was withdrawn, so the connection is the one from before.
        await PutAsync(open, "still");
        Assert.DoesNotContain("connections are closed", enclave.Said, StringComparison.Ordinal);

        await SetPolicyAsync(broker, Gateway(files.Ca, next));
        await Eventually.TrueAsync(async () => !await CanPutAsync(broker, old), "the old authority's client is refused", Renewals);
        Assert.False(await CanPutAsync(broker, old));

        // Connections of others end too, and come again.
        await Eventually.TrueAsync(() => CanPutAsync(broker, next), "the new authority's client is let in again", Renewals);
        Assert.False(enclave.HasExited);
    }

    [Fact]
    public async Task What_the_broker_withdrew_is_refused_and_its_connections_end()
    {
        EtcdTlsFiles files = new(_folder);
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path, files);
        await using DevelopmentBroker broker = await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(_folder["broker"]), new DevelopmentBrokerOptions(), Stop);
        Client one = Client.Make(_folder, "one", rsa: false);
        await using ChildProgram enclave = await StartAsync(broker, etcd, files, Gateway(files.Ca, one));
        using GrpcChannel open = await ThroughAsync(broker, one);
        await PutAsync(open, "TOPSECRET");

        // The policy names nobody: a channel that is open, and whose TLS session could be resumed, gets no further answer.
        await ExpireAsync(End(File.ReadAllText(files.Ca)), End(one.Authority));
        await SetPolicyAsync(broker, "");
        await Eventually.TrueAsync(async () => !await IsServedAsync(open), "an open connection ends", Renewals);
        Assert.False(await CanPutAsync(broker, one));
        await Eventually.TrueAsync(
            async () => !await CanPutAsync(broker, one) && enclave.Said.Contains("gateway.tls.clientCa has no authority from the broker", StringComparison.Ordinal), "the log says why");

        await ExpireAsync();

        // etcd's alone does not help an API server; an authority of somebody else neither.
        Client other = Client.Make(_folder, "other-client", rsa: false);
        await SetPolicyAsync(broker, Gateway(files.Ca, other));
        await Eventually.TrueAsync(() => CanPutAsync(broker, other), "another authority's client is let in", Renewals);
        Assert.False(await CanPutAsync(broker, one));

        // Another authority for etcd: the etcd that is there is not etcd any more.
        await SetPolicyAsync(broker, Gateway(files.OtherCa, other));
        await Eventually.TrueAsync(
            async () => !await CanPutAsync(broker, other) && enclave.Said.Contains("its certificate is not one of gateway.etcd.ca", StringComparison.Ordinal),
            "etcd of a withdrawn authority is not used, and the log says why",
            Renewals);
        Assert.False(await CanPutAsync(broker, other));
    }

    private static long End(string pem) => new DateTimeOffset(X509Certificate2.CreateFromPem(pem).NotAfter).ToUnixTimeSeconds();

    // What metrics say of etcd's authority and of clients', in this order. On a busy machine an enclave can be too slow for a scrape.
    private Task ExpireAsync(params long[] expected) => Eventually.TrueAsync(
        async () =>
        {
            CliResult scraped = await CliProcess.RunAsync("metrics", "--admin-socket", _folder["admin.sock"]);
            return scraped.ExitCode == 0 && Expiries(scraped.Output).SequenceEqual(expected);
        },
        $"authorities end at {string.Join(", ", expected)}",
        Renewals);

    private static long[] Expiries(string scraped) =>
    [
        .. scraped.Split('\n').Where(line => line.StartsWith("cloister_certificate_expires_timestamp_seconds{", StringComparison.Ordinal) && line.Contains("-ca\"", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(line => (long)double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture)),
    ];

    private static string Gateway(string etcdCa, params Client[] clients) =>
        $"  gateway:\n    clientCa: |\n{Block(string.Concat(clients.Select(client => client.Authority)))}    etcdCa: |\n{Block(File.ReadAllText(etcdCa))}";

    private static string Block(string pem) => string.Concat(pem.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"      {line}\n"));

    private async Task<ChildProgram> StartAsync(DevelopmentBroker broker, EtcdProcess etcd, EtcdTlsFiles files, string gateway)
    {
        _port = LoopbackPort.Free();
        await File.WriteAllTextAsync(
            _folder["enclave.yaml"],
            $"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            custody:
              mode: attested
            broker:
              urls: ["{broker.Url}"]
              pins: ["{broker.Pin}"]
              kek: {Kek}
            admin:
              listen: unix:{_folder["admin.sock"]}
            gateway:
              listen: tcp:127.0.0.1:{_port}
              tls:
                issuer: broker
                clientCa: broker
              etcd:
                endpoints: ["{etcd.Url}"]
                ca: broker
                certificate: "{files.ClientCertificate}"
                key: "{files.ClientKey}"
            simulation:
              sealingKeyFile: "{_folder["sealing.key"]}"
              vendorDirectory: "{broker.Files.Vendor.Folder}"
              measurement: "{Measurement}"
            """,
            Stop);
        await SetPolicyAsync(broker, gateway);
        await broker.Admin.CreateKekAsync(new AdminApi.CreateKekRequest(Kek, "c", Kek, "database", true), Stop);
        return Programs.StartEnclave(_folder["enclave.yaml"]);
    }

    private async Task SetPolicyAsync(DevelopmentBroker broker, string gateway)
    {
        string digest = Convert.ToHexStringLower(SHA384.HashData(await File.ReadAllBytesAsync(_folder["enclave.yaml"], Stop)));
        string policy = DevelopmentPolicy.Text(Kek, await File.ReadAllTextAsync(broker.Files.Vendor.Root, Stop), Measurement, [digest]);
        await broker.Admin.SetPolicyAsync(Kek, policy.Replace("duration: 1h", "duration: 10s", StringComparison.Ordinal).Replace("  roots:", $"{gateway}  roots:", StringComparison.Ordinal), Stop);
    }

    private async Task<GrpcChannel> ThroughAsync(DevelopmentBroker broker, Client client)
    {
        await File.WriteAllTextAsync(_folder["serving-ca.crt"], await broker.Admin.AuthorityCertificateAsync(Stop), Stop);
        string url = $"https://127.0.0.1:{_port}";
        EtcdOptions options = EtcdOptions.Create(url, _folder["serving-ca.crt"], client.Certificate, client.Key);
        return GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = EtcdTls.Create(options) }, DisposeHttpClient = true });
    }

    private async Task<bool> CanPutAsync(DevelopmentBroker broker, Client client)
    {
        using GrpcChannel channel = await ThroughAsync(broker, client);
        return await IsServedAsync(channel);
    }

    private static async Task<bool> IsServedAsync(GrpcChannel channel)
    {
        try
        {
            await TryPutAsync(channel, "value");
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    // The first lease, and the first certificate, take a moment.
    private static Task PutAsync(GrpcChannel channel, string value) => Eventually.TrueAsync(
        async () =>
        {
            try
            {
                await TryPutAsync(channel, value);
                return true;
            }
            catch (RpcException)
            {
                return false;
            }
        },
        $"'{value}' is written",
        Renewals);

    private static async Task TryPutAsync(GrpcChannel channel, string value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8("/registry/secrets/default/db"), Value = ByteString.CopyFromUtf8(value) } };
        await new KV.KVClient(channel).TxnAsync(new TxnRequest { Success = { put } }, deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: Stop);
    }

    /// <summary>An API server's certificate, and the authority that issued it.</summary>
    private sealed record Client(string Authority, string Certificate, string Key)
    {
        internal static Client Make(ScratchFolder folder, string name, bool rsa, int hours = 5)
        {
            DateTimeOffset from = DateTimeOffset.UtcNow.AddHours(-1);
            using RSA authorityRsa = RSA.Create(2048);
            using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest authority = rsa
                ? new($"CN=authority {name}", authorityRsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                : new($"CN=authority {name}", authorityKey, HashAlgorithmName.SHA256);
            authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using X509Certificate2 issuer = authority.CreateSelfSigned(from, from.AddHours(hours));
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new("CN=kube-apiserver-etcd-client", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], false));
            X509SignatureGenerator signer = rsa ? X509SignatureGenerator.CreateForRSA(authorityRsa, RSASignaturePadding.Pkcs1) : X509SignatureGenerator.CreateForECDsa(authorityKey);
            using X509Certificate2 certificate = request.Create(issuer.SubjectName, signer, from, from.AddHours(hours), RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(folder[$"{name}.crt"], certificate.ExportCertificatePem());
            File.WriteAllText(folder[$"{name}.key.pem"], key.ExportPkcs8PrivateKeyPem());
            return new Client(issuer.ExportCertificatePem() + "\n", folder[$"{name}.crt"], folder[$"{name}.key.pem"]);
        }
    }
}
