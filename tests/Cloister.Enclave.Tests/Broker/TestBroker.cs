using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Binding;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Broker;
using Cloister.Kbs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>A broker on a loopback port with keys of its own; tests script what it answers.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    internal const string Cluster = "c1";
    internal const string Kek = "main";

    private readonly ECDsa _gateways = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly List<(LeasedVersion Version, byte[] Key)> _versions = [];
    private readonly string _nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private WebApplication? _server;

    internal Uri Url { get; private set; } = new("https://localhost");

    internal BrokerPins Pins => new([SHA256.HashData(_authority.ExportSubjectPublicKeyInfo())]);

    internal string PinText => $"sha256:{Convert.ToBase64String(SHA256.HashData(_authority.ExportSubjectPublicKeyInfo()))}";

    internal string AuthorityId => Convert.ToHexStringLower(SHA256.HashData(_authority.ExportSubjectPublicKeyInfo()).AsSpan(0, 16));

    /// <summary>Errors to answer, by path.</summary>
    internal ConcurrentDictionary<string, string> Errors { get; } = new();

    /// <summary>The report data that evidence covers, or null when it is not authentic.</summary>
    internal Func<JsonElement, byte[]?> ReportData { get; set; } = evidence => evidence.GetProperty("data").GetBytesFromBase64();

    internal Func<LeaseTerms, LeaseTerms> Shape { get; set; } = terms => terms;

    internal ConcurrentQueue<EnclaveStatement> Statements { get; } = new();

    internal ConcurrentQueue<int> KeysSent { get; } = new();

    /// <summary>What requests for a lease showed as a token.</summary>
    internal ConcurrentQueue<string> TokensShown { get; } = new();

    /// <summary>False: KEKs stay here and are used by wrap and unwrap.</summary>
    internal bool Release { get; set; } = true;

    /// <summary>Items of every wrap and unwrap that was answered.</summary>
    internal ConcurrentQueue<int> Items { get; } = new();

    /// <summary>What certificates of gateways are marked as.</summary>
    internal string CertificateMark { get; set; } = CertificateRole.Gateway;

    /// <summary>What the TLS certificate of a broker is marked as.</summary>
    internal string Role { get; init; } = CertificateRole.Broker;

    /// <summary>What becomes of certificates: the key they are for, the key that signs them.</summary>
    internal Func<PublicKey, ECDsa, (PublicKey Key, ECDsa Signer)> ShapeCertificate { get; set; } = (key, signer) => (key, signer);

    /// <summary>Holds wraps and unwraps up, when a test says so.</summary>
    internal Task CryptoGate { get; set; } = Task.CompletedTask;

    internal static async Task<TestBroker> StartAsync(bool issued = false, string role = CertificateRole.Broker)
    {
        TestBroker broker = new() { Role = role };
        (X509Certificate2 leaf, X509Certificate2Collection chain) = broker.Certificates(issued);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = leaf;
            https.ServerCertificateChain = chain;
        })));
        broker._server = builder.Build();
        broker._server.Run(broker.AnswerAsync);
        await broker._server.StartAsync();
        string address = broker._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        broker.Url = new Uri(address);
        return broker;
    }

    internal KeyFingerprint AddVersion(long activeAt = 0)
    {
        uint number = (uint)_versions.Count + 1;
        string generation = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        KeyFingerprint fingerprint = new KekIdentity(AuthorityId, Kek, number, generation).Fingerprint();
        _versions.Add((new LeasedVersion(number, generation, KeyId.Format(fingerprint), true, activeAt), RandomNumberGenerator.GetBytes(32)));
        return fingerprint;
    }

    internal BrokerOptions Options(params Uri[] before) =>
        new() { Urls = [.. before, Url], Pins = Pins, Kek = Kek, Timeout = TimeSpan.FromSeconds(10) };

    /// <summary>Signs as a broker does: by a key of leases, for which the authority vouches and, behind it, those whom it follows.</summary>
    /// <param name="terms">The lease.</param>
    /// <param name="key">The authority; null: this broker's.</param>
    /// <param name="typ">Kind of statement.</param>
    /// <param name="role">What the key of leases is marked as.</param>
    /// <param name="behind">Certificates behind that of the key of leases; null: the authority's own.</param>
    internal string Sign(LeaseTerms terms, ECDsa? key = null, string typ = "cloister-lease+jwt", string role = CertificateRole.LeaseSigner, IReadOnlyList<X509Certificate2>? behind = null)
    {
        ECDsa authority = key ?? _authority;
        using ECDsa signer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        using X509Certificate2 leaf = Marked(new CertificateRequest("CN=leases", signer, HashAlgorithmName.SHA256), role)
            .Create(new X500DistinguishedName("CN=authority"), X509SignatureGenerator.CreateForECDsa(authority), from, from.AddDays(9), [7, 8, 9]);
        string chain = string.Join(',', new[] { leaf }.Concat(behind ?? [AuthorityCertificate(authority, authority)]).Select(one => $"\"{Convert.ToBase64String(one.RawData)}\""));
        string header = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"ES256","typ":"{{typ}}","x5c":[{{chain}}]}"""));
        string payload = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(terms, KbsJson.Default.LeaseTerms));
        byte[] signature = signer.SignData(Encoding.ASCII.GetBytes($"{header}.{payload}"), HashAlgorithmName.SHA256);
        return $"{header}.{payload}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>A certificate of one authority's key by another one.</summary>
    internal static X509Certificate2 AuthorityCertificate(ECDsa key, ECDsa issuer, string role = CertificateRole.Authority, bool isAuthority = true)
    {
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        CertificateRequest request = Marked(new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256), role);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        return request.Create(new X500DistinguishedName("CN=authority"), X509SignatureGenerator.CreateForECDsa(issuer), from, from.AddDays(9), [1, 2, 3]);
    }

    /// <summary>A lease of this authority by a key that followed its first one.</summary>
    internal string SignAsSuccessor(LeaseTerms terms, ECDsa successor, string role = CertificateRole.Authority, bool isAuthority = true) =>
        Sign(terms, successor, behind: [AuthorityCertificate(successor, _authority, role, isAuthority), AuthorityCertificate(_authority, _authority)]);

    internal LeaseTerms Terms(string instance, string nonce, string digest = "") => new()
    {
        Version = 1, Authority = AuthorityId, Lease = new string('a', 32), Instance = instance, Nonce = nonce, Cluster = Cluster, Kek = Kek, Policy = "p",
        Time = 1_000_000, Expires = 1_600_000, RenewAfter = 1_300_000, GraceSeconds = 60, Wraps = 1000, Unwraps = 1000, Release = Release, Etag = "e",
        Versions = [.. _versions.Select(v => v.Version)], KeysDigest = digest,
    };

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _authority.Dispose();
        _gateways.Dispose();
    }

    private (X509Certificate2 Leaf, X509Certificate2Collection Chain) Certificates(bool issued)
    {
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        DateTimeOffset to = from.AddDays(30);
        if (!issued)
        {
            return (Marked(new CertificateRequest("CN=broker", _authority, HashAlgorithmName.SHA256), Role).CreateSelfSigned(from, to), []);
        }

        CertificateRequest authority = new("CN=authority", _authority, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        X509Certificate2 root = authority.CreateSelfSigned(from, to);

        // A server of .NET does not send roots: the authority's certificate is one that somebody else issued.
        using ECDsa elder = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 above = new CertificateRequest("CN=elder", elder, HashAlgorithmName.SHA256).CreateSelfSigned(from, to);
        X509Certificate2 sent = authority.Create(above.SubjectName, X509SignatureGenerator.CreateForECDsa(elder), from, to, [4, 5, 6]);
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 leaf = Marked(new CertificateRequest("CN=broker", key, HashAlgorithmName.SHA256), Role).Create(root, from, to, [1, 2, 3]);
        return (leaf.CopyWithPrivateKey(key), [sent]);
    }

    private static CertificateRequest Marked(CertificateRequest request, string role)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddUri(new Uri(role));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(CertificateRole.UsageOf(role))], false));
        return request;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        JsonDocument body = await JsonDocument.ParseAsync(context.Request.Body);
        if (Errors.TryGetValue(path, out string? error))
        {
            await RefuseAsync(context, error);
            return;
        }

        switch (path)
        {
            case KbsPaths.Auth:
                context.Response.Headers.SetCookie = $"{KbsPaths.SessionCookie}={new string('b', 32)}; HttpOnly";
                await context.Response.WriteAsJsonAsync(new Challenge(_nonce, ""), KbsJson.Default.Challenge);
                break;
            case KbsPaths.Lease:
                await LeaseAsync(context, body.Deserialize(KbsJson.Default.LeaseRequest)!);
                break;
            case KbsPaths.Watch:
                await Task.Delay(50);
                await context.Response.WriteAsJsonAsync(new WatchResponse("e", false), KbsJson.Default.WatchResponse);
                break;
            case KbsPaths.Certificate:
                await context.Response.WriteAsJsonAsync(Issue(body.Deserialize(KbsJson.Default.CertificateRequestMessage)!), KbsJson.Default.CertificateChain);
                break;
            case KbsPaths.Wrap or KbsPaths.Unwrap:
                await CryptoGate;
                await TestWrapping.AnswerAsync(context, body.Deserialize(KbsJson.Default.CryptoRequest)!, path == KbsPaths.Wrap, this);
                break;
            default:
                await RefuseAsync(context, "BadRequest");
                break;
        }
    }

    // Signed by whom the test says; the gateways' authority's certificate is always the real one.
    private CertificateChain Issue(CertificateRequestMessage message)
    {
        CertificateRequest request = CertificateRequest.LoadSigningRequest(message.Request, HashAlgorithmName.SHA256);
        (PublicKey key, ECDsa signer) = ShapeCertificate(request.PublicKey, _gateways);
        DateTimeOffset from = DateTimeOffset.UtcNow.AddHours(-1);
        X500DistinguishedName issuer = new("CN=gateways");
        CertificateRequest root = new(issuer, _gateways, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 authority = root.CreateSelfSigned(from, from.AddDays(1));
        using X509Certificate2 leaf = Marked(new CertificateRequest(request.SubjectName, key, HashAlgorithmName.SHA256), CertificateMark)
            .Create(issuer, X509SignatureGenerator.CreateForECDsa(signer), from, from.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return new CertificateChain([leaf.RawData, authority.RawData]);
    }

    private async Task LeaseAsync(HttpContext context, LeaseRequest request)
    {
        AttestRequest attestation = request.Attestation;
        string jwk = attestation.RuntimeData.TeePublicKey.GetRawText();
        RuntimeData binding = new(attestation.RuntimeData.Nonce, Encoding.UTF8.GetBytes(jwk), attestation.TeeEvidence.Additional);
        if (context.Request.Cookies[KbsPaths.SessionCookie] != new string('b', 32)
            || !binding.Binds(ReportData(attestation.TeeEvidence.Primary)))
        {
            await RefuseAsync(context, "AttestationError");
            return;
        }

        Statements.Enqueue(JsonSerializer.Deserialize(attestation.TeeEvidence.Additional, KbsJson.Default.StatementEnvelope)!.Cloister);
        (LeasedVersion Version, byte[] Key)[] sent = [.. _versions.Where(v => Release && v.Version.Enabled && !request.Have.Contains(v.Version.KeyId))];
        KeysSent.Enqueue(sent.Length);
        TokensShown.Enqueue(context.Request.Headers.Authorization.ToString());
        byte[] keys = [.. sent.SelectMany(v => (byte[])[.. Convert.FromHexString(v.Version.KeyId[4..]), .. v.Key])];
        string digest = keys.Length == 0 ? "" : Base64Url.EncodeToString(SHA256.HashData(keys));
        LeaseTerms terms = Shape(Terms(Thumbprint(attestation.RuntimeData.TeePublicKey), attestation.RuntimeData.Nonce, digest));
        FlattenedJwe? jwe = keys.Length == 0 ? null : JoseBroker.Encrypt(jwk, keys);
        await context.Response.WriteAsJsonAsync(new LeaseResponse(JoseBroker.Encrypt(jwk, "token"u8.ToArray()), Sign(terms), jwe), KbsJson.Default.LeaseResponse);
    }

    private static string Thumbprint(JsonElement jwk) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(
        $$"""{"crv":"P-256","kty":"EC","x":"{{jwk.GetProperty("x").GetString()}}","y":"{{jwk.GetProperty("y").GetString()}}"}""")));

    internal byte[]? Find(string keyId) => _versions.Where(v => v.Version.Enabled && v.Version.KeyId == keyId).Select(v => v.Key).FirstOrDefault();

    internal static Task RefuseAsync(HttpContext context, string error)
    {
        context.Response.StatusCode = error switch { "Busy" => 503, "LeaseRevoked" or "PolicyDeny" => 403, "KekNotFound" => 404, "BadRequest" => 400, _ => 401 };
        return context.Response.WriteAsJsonAsync(new KbsError(KbsPaths.ErrorTypePrefix + error, "detail\n"), KbsJson.Default.KbsError);
    }
}
