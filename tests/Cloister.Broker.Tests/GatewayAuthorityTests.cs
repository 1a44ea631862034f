using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Tests;

/// <summary>Who issues gateways' certificates, and what they may be used as.</summary>
public sealed class GatewayAuthorityTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // docs/broker-protocol.md, "Who the gateway is": computed by another program, from RFC 5869 and the curve's equation.
    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001", "sha256:4+5DEBsI3/l+MJt8tP9ovo88UonKo+iz46DaVfLDGWg=")]
    [InlineData("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "sha256:rHjw2zOx/sZZewrKfUKtq45FFjhJxbH6YlfewH1dF+8=")]
    public void ItsKeyIsDerivedFromTheAuthoritys(string scalar, string pin)
    {
        using BrokerAuthority authority = Authority(scalar);
        using BrokerAuthority restored = Authority(scalar);
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(authority.Gateways.MakeRoot(Now));
        using X509Certificate2 again = X509CertificateLoader.LoadCertificate(restored.Gateways.MakeRoot(Now.AddYears(1)));

        Assert.Equal(pin, PinOf(root));
        Assert.Equal(pin, PinOf(again));
        Assert.Equal(root.SubjectName.RawData, again.SubjectName.RawData);
        Assert.NotEqual(authority.Pin, pin);
    }

    [Fact]
    public void AGatewaysCertificateIsOfTheGatewaysAuthorityAndMarked()
    {
        using BrokerAuthority authority = Authority("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        string digest = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

        using X509Certificate2 issued = authority.Gateways.Issue(request, digest, ["127.0.0.1", "node.example"], Now, Now.AddHours(1))!;
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(authority.Gateways.MakeRoot(Now));
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = Now.UtcDateTime;
        Assert.True(chain.Build(issued));
        Assert.True(CertificateRole.Has(issued, CertificateRole.Gateway));
        Assert.Null(authority.Gateways.Issue(request, new string('0', 64), [], Now, Now.AddHours(1)));
    }

    [Theory]
    [InlineData(CertificateRole.Broker)]
    [InlineData(CertificateRole.Administration)]
    [InlineData(CertificateRole.Administrator)]
    [InlineData(CertificateRole.Gateway)]
    public void ACertificateHasTheRoleThatItIsMarkedForAndNoOther(string role)
    {
        using X509Certificate2 certificate = Certificate([role], [CertificateRole.UsageOf(role)]);
        string[] roles = [CertificateRole.Broker, CertificateRole.Administration, CertificateRole.Administrator, CertificateRole.Gateway];
        Assert.Equal([role], roles.Where(one => CertificateRole.Has(certificate, one)));

        // The mark without the usage, with the other one, the usage without the mark, and an authority.
        using X509Certificate2 noUsage = Certificate([role], []);
        using X509Certificate2 otherUsage = Certificate([role], [role == CertificateRole.Administrator ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2"]);
        using X509Certificate2 noMark = Certificate([], [CertificateRole.UsageOf(role)]);
        using X509Certificate2 almost = Certificate([role + "x"], [CertificateRole.UsageOf(role)]);
        using X509Certificate2 authority = Certificate([role], [CertificateRole.UsageOf(role)], isAuthority: true);
        X509Certificate2[] wrong = [noUsage, otherUsage, noMark, almost, authority];
        Assert.DoesNotContain(wrong, one => CertificateRole.Has(one, role));
    }

    [Fact]
    public void ABrokersCertificatesAreForOneListenerEach()
    {
        using BrokerAuthority authority = Authority("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        using TlsIdentity broker = authority.IssueTlsIdentity(CertificateRole.Broker, Now);
        using TlsIdentity administration = authority.IssueTlsIdentity(CertificateRole.Administration, Now);
        Assert.True(CertificateRole.Has(broker.Leaf, CertificateRole.Broker));
        Assert.False(CertificateRole.Has(broker.Leaf, CertificateRole.Administration));
        Assert.True(CertificateRole.Has(administration.Leaf, CertificateRole.Administration));
        Assert.False(CertificateRole.Has(administration.Leaf, CertificateRole.Broker));
        Assert.False(CertificateRole.Has(broker.Authority, CertificateRole.Broker));
    }

    private static BrokerAuthority Authority(string scalar) =>
        new(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = Convert.FromHexString(scalar) }));

    private static string PinOf(X509Certificate2 certificate) => "sha256:" + Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static X509Certificate2 Certificate(string[] uris, string[] usages, bool isAuthority = false)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=x", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (usages.Length > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(usage => new Oid(usage))], false));
        }

        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        Array.ForEach(uris, uri => names.AddUri(new Uri(uri)));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(Now, Now.AddDays(1));
    }
}
