using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Tests;

public sealed class TokenTests : IDisposable
{
    private const string Nonce = "8Uv9kzBvtsqrfq0M69tUqVrXpQoyeOSSiMxTjCq7avY=";
    private const string Audience = "urn:example:audience";
    private static readonly TokenLease Lease = new(new string('1', 32), "instance", "c1", "tee", "secrets", "");

    private readonly MovableClock _clock = new();
    private readonly BrokerAuthority _authority = NewAuthority();
    private readonly SimulatedEnclave _enclave;

    public TokenTests() => _enclave = new SimulatedEnclave(_clock);

    [Fact]
    public async Task ATokenCarriesKeyAndLeaseUntilItEnds()
    {
        string token = await Issue();
        TokenVerifier verifier = new(_authority, Audience, _clock);
        (VerifiedToken verified, TokenLease lease) = verifier.VerifyLease(token)!.Value;
        Assert.Equal(Lease, lease);
        Assert.Equal("P-256", verified.Key.Curve);
        _clock.Now += TokenIssuer.Lifetime;
        Assert.Null(verifier.VerifyLease(token));
    }

    [Fact]
    public async Task ATokenForAnotherAudienceIsNone()
    {
        string token = await Issue();
        Assert.NotNull(new TokenVerifier(_authority, Audience, _clock).VerifyLease(token));
        Assert.Null(new TokenVerifier(_authority, Audience + "/", _clock).VerifyLease(token));
        using JsonDocument payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
        Assert.Equal(Audience, payload.RootElement.GetProperty("aud").GetString());

        // Signed by the authority, and for nobody in particular: as tokens were once.
        string nobodys = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.Split('.')[1])).Replace("\"aud\":", "\"was\":", StringComparison.Ordinal);
        Assert.Null(new TokenVerifier(_authority, Audience, _clock).VerifyLease(_authority.SignToken(TokenIssuer.LeaseType, Encoding.UTF8.GetBytes(nobodys))));
    }

    [Fact]
    public async Task ATokenOfALeaseIsNoneOfAnAttestationAndTheOtherWayRound()
    {
        TokenVerifier verifier = new(_authority, Audience, _clock);
        string ofLease = await Issue();
        string ofNone = await Issue(lease: false);
        Assert.Null(verifier.Verify(ofLease));
        Assert.NotNull(verifier.Verify(ofNone));
        Assert.Null(verifier.VerifyLease(ofNone));
    }

    [Fact]
    public async Task OnlyThisAuthoritysTokensAreTokens()
    {
        string token = await Issue();
        using BrokerAuthority stranger = NewAuthority();
        Assert.Null(new TokenVerifier(stranger, Audience, _clock).VerifyLease(token));
        TokenVerifier verifier = new(_authority, Audience, _clock);
        Assert.Null(verifier.VerifyLease(""));
        Assert.Null(verifier.VerifyLease("a.b"));
        Assert.Null(verifier.VerifyLease("?.?.?"));
        Assert.Null(verifier.VerifyLease(token[..^4] + (token.EndsWith("AAAA", StringComparison.Ordinal) ? "BBBB" : "AAAA")));
    }

    [Fact]
    public async Task TheTokenSaysWhichRootsItRestsOnBesidesTheVendors()
    {
        string token = await Issue();
        using JsonDocument payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
        string root = Assert.Single(OtherRoots.In(ReleasePolicyReader.Read(_enclave.Policy()).Policy!.Roots));
        Assert.Equal([root], payload.RootElement.GetProperty("cloister-subject").GetProperty("otherRoots").EnumerateArray().Select(item => item.GetString()));
    }

    [Fact]
    public void ALeaseIsNoToken()
    {
        LeaseTerms terms = Terms(_authority.Id);
        string lease = new LeaseSigner(_authority).Sign(terms);
        Assert.Null(new TokenVerifier(_authority, Audience, _clock).Verify(lease));
        Assert.Null(new TokenVerifier(_authority, Audience, _clock).VerifyLease(lease));
        using JsonDocument header = JsonDocument.Parse(Base64Url.DecodeFromChars(lease.Split('.')[0]));
        Assert.Equal(["alg", "typ", "x5c"], header.RootElement.EnumerateObject().Select(member => member.Name));
        LeaseTerms read = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(lease.Split('.')[1]), KbsJson.Default.LeaseTerms)!;
        Assert.Equal(terms with { Versions = read.Versions }, read);
        Assert.Throws<ArgumentException>(() => new LeaseSigner(_authority).Sign(Terms("another")));
    }

    [Fact]
    public void TheTlsLeafIsIssuedByThePinnedKey()
    {
        using TlsIdentity tls = _authority.IssueTlsIdentity(CertificateRole.Broker, _clock.Now);
        Assert.Equal(_authority.Pin, "sha256:" + Convert.ToBase64String(SHA256.HashData(tls.Authority.PublicKey.ExportSubjectPublicKeyInfo())));
        Assert.True(tls.Leaf.HasPrivateKey);
        Assert.False(tls.Authority.HasPrivateKey);
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.ExtraStore.Add(tls.Authority);
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority; // the pin decides, not a root
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _clock.Now.UtcDateTime;
        Assert.True(chain.Build(tls.Leaf));
        Assert.Equal(tls.Authority.Thumbprint, chain.ChainElements[1].Certificate.Thumbprint);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _enclave.Dispose();
    }

    private static BrokerAuthority NewAuthority() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    private static LeaseTerms Terms(string authority) => new()
    {
        Version = 1, Authority = authority, Lease = Lease.Lease, Instance = "i", Nonce = Nonce, Cluster = "c1", Kek = "secrets", Policy = "p", Time = 1, Expires = 2, RenewAfter = 1,
        GraceSeconds = 0, Wraps = 1, Unwraps = 1, Release = true, Etag = "e", Versions = [], KeysDigest = "",
    };

    [Theory]
    [InlineData(false, "affirming", 2)]
    [InlineData(true, "contraindicated", 96)]
    public async Task DebugIsNeverAffirmed(bool debug, string status, int memory)
    {
        using SimulatedEnclave enclave = new(_clock) { Debug = debug };
        string token = await Issue(enclave, enclave.Policy().Replace("debug: refuse", "debug: any", StringComparison.Ordinal));
        using JsonDocument claims = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
        JsonElement appraisal = claims.RootElement.GetProperty("submods").GetProperty("cpu0");
        Assert.Equal(status, appraisal.GetProperty("ear.status").GetString());
        Assert.Equal(memory, appraisal.GetProperty("ear.trustworthiness-vector").GetProperty("runtime-opaque").GetInt32());
    }

    private Task<string> Issue(bool lease = true) => Issue(_enclave, _enclave.Policy(), lease);

    private async Task<string> Issue(SimulatedEnclave enclave, string rules, bool lease = true)
    {
        ReleasePolicy policy = ReleasePolicyReader.Read(rules).Policy!;
        AttestRequest request = enclave.Answer(Nonce, SimulatedEnclave.Statement());
        EvidenceVerdict verdict = await new EvidenceVerification(enclave, _clock, otherRoots: OtherRoots.Any).VerifyAsync(
            "sgx", request, StatementPurpose.Lease, policy.Appraisal, policy.Roots, TestContext.Current.CancellationToken);
        return new TokenIssuer(_authority, Audience, _clock).Issue(verdict, request.RuntimeData, configurationApproved: true, lease ? Lease : null);
    }
}
