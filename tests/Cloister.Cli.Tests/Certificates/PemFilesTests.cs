using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Certificates;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Certificates;

/// <summary>Every kind of certificate and key that OpenSSL writes: what is taken, and what is said of the rest.</summary>
public sealed class PemFilesTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EC -pkeyopt ec_paramgen_curve:P-256")]
    [InlineData("EC -pkeyopt ec_paramgen_curve:P-384")]
    [InlineData("EC -pkeyopt ec_paramgen_curve:P-521")]
    [InlineData("RSA -pkeyopt rsa_keygen_bits:2048")]
    [InlineData("RSA -pkeyopt rsa_keygen_bits:3072")]
    public void ECDSA_and_RSA_are_taken_in_every_form_of_key_file(string algorithm)
    {
        Make(algorithm);
        OpenSsl("pkey -in key.pem -traditional -out traditional.pem");
        File.WriteAllText(_folder["both.pem"], File.ReadAllText(_folder["traditional.pem"]) + File.ReadAllText(_folder["cert.pem"]));
        foreach ((string certificate, string key) in (ReadOnlySpan<(string, string)>)[("cert.pem", "key.pem"), ("cert.pem", "traditional.pem"), ("both.pem", "both.pem")])
        {
            (X509Certificate2 leaf, X509Certificate2Collection others) = PemFiles.ReadIdentity(_folder[certificate], _folder[key]);
            Assert.True(leaf.HasPrivateKey);
            Assert.Empty(others);
            leaf.Dispose();
        }
    }

    [Theory]
    [InlineData("ED25519", "Ed25519")]
    [InlineData("ED448", "Ed448")]
    [InlineData("RSA-PSS -pkeyopt rsa_keygen_bits:2048", "RSASSA-PSS")]
    [InlineData("RSA -pkeyopt rsa_keygen_bits:1024", "RSA key of 1024 bits")]
    [InlineData("EC -pkeyopt ec_paramgen_curve:secp256k1", "secP256k1")]
    [InlineData("EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "brainpoolP256r1")]
    [InlineData("EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "spells its curve out")]
    public void Other_kinds_are_refused_by_their_name_with_what_to_use(string algorithm, string name)
    {
        Make(algorithm);
        PemException refusal = Assert.Throws<PemException>(() => PemFiles.ReadIdentity(_folder["cert.pem"], _folder["key.pem"]));
        Assert.StartsWith(_folder["cert.pem"], refusal.Message, StringComparison.Ordinal);
        Assert.Contains(name, refusal.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("P-256 or P-384", refusal.Message, StringComparison.Ordinal);
    }

    // .NET does not sign with these, but OpenSSL, which checks chains, knows them: peers may have them.
    [Theory]
    [InlineData("ED25519")]
    [InlineData("ED448")]
    [InlineData("RSA-PSS -pkeyopt rsa_keygen_bits:2048")]
    public void Authorities_of_other_kinds_are_taken_and_chains_to_them_hold(string algorithm)
    {
        Make(algorithm);
        OpenSsl($"genpkey -algorithm {algorithm} -out leaf.key");
        OpenSsl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
        OpenSsl("x509 -req -in leaf.csr -CA cert.pem -CAkey key.pem -days 1 -out leaf.pem");
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificateFromFile(_folder["leaf.pem"]);
        using X509Chain chain = new() { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.AddRange(PemFiles.ReadAuthorities(_folder["cert.pem"]));
        Assert.True(chain.Build(leaf), string.Join(", ", chain.ChainStatus.Select(status => status.Status)));
    }

    [Fact]
    public void A_chain_in_the_file_comes_along()
    {
        Make("EC -pkeyopt ec_paramgen_curve:P-256");
        File.Copy(_folder["cert.pem"], _folder["authority.pem"]);
        Make("EC -pkeyopt ec_paramgen_curve:P-384");
        File.AppendAllText(_folder["cert.pem"], File.ReadAllText(_folder["authority.pem"]));
        (X509Certificate2 leaf, X509Certificate2Collection others) = PemFiles.ReadIdentity(_folder["cert.pem"], _folder["key.pem"]);
        Assert.Equal(384, leaf.GetECDsaPrivateKey()!.KeySize);
        Assert.Equal(256, Assert.Single(others).GetECDsaPublicKey()!.KeySize);
    }

    [Theory]
    [InlineData("none.pem", "key.pem", "none.pem cannot be read: it does not exist")]
    [InlineData("cert.pem", "none.pem", "none.pem cannot be read: it does not exist")]
    [InlineData(".", "key.pem", "cannot be read")]
    [InlineData("empty.pem", "key.pem", "empty.pem is not PEM")]
    [InlineData("cert.der", "key.pem", "but DER")]
    [InlineData("cert.pem", "key.der", "but DER")]
    [InlineData("key.pem", "cert.pem", "swapped?")]
    [InlineData("cert.pem", "cert.pem", "holds no private key, but CERTIFICATE")]
    [InlineData("trusted.pem", "key.pem", "TRUSTED CERTIFICATE")]
    [InlineData("damaged.pem", "key.pem", "is it whole?")]
    [InlineData("cert.pem", "other.pem", "do not belong together")]
    [InlineData("cert.pem", "encrypted.pem", "encrypted with a password")]
    [InlineData("cert.pem", "encrypted1.pem", "encrypted with a password")]
    [InlineData("cert.pem", "ed25519.pem", "Ed25519")]
    public void What_is_wrong_with_files_is_said(string certificate, string key, string words)
    {
        Make("EC -pkeyopt ec_paramgen_curve:P-256");
        OpenSsl("x509 -in cert.pem -outform der -out cert.der");
        OpenSsl("x509 -in cert.pem -trustout -out trusted.pem");
        OpenSsl("pkey -in key.pem -outform der -out key.der");
        OpenSsl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem");
        OpenSsl("genpkey -algorithm ED25519 -out ed25519.pem");
        OpenSsl("pkey -in key.pem -aes256 -passout pass:secret -out encrypted.pem");
        OpenSsl("pkey -in key.pem -aes256 -traditional -passout pass:secret -out encrypted1.pem");
        File.WriteAllText(_folder["empty.pem"], "");
        File.WriteAllText(_folder["damaged.pem"], PemEncoding.WriteString("CERTIFICATE", [1, 2, 3]));
        PemException refusal = Assert.Throws<PemException>(() => PemFiles.ReadIdentity(_folder[certificate], _folder[key]));
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_message_has_anything_of_a_key()
    {
        Make("EC -pkeyopt ec_paramgen_curve:P-256");
        string key = File.ReadAllText(_folder["key.pem"]);
        File.WriteAllText(_folder["cut.pem"], key[..(key.Length / 2)]);
        foreach (string file in (ReadOnlySpan<string>)["cut.pem", "key.pem"])
        {
            PemException refusal = Assert.Throws<PemException>(() => PemFiles.ReadIdentity(_folder[file], _folder["cut.pem"]));
            Assert.DoesNotContain(key.Split('\n')[1][..8], refusal.ToString(), StringComparison.Ordinal);
        }
    }

    private void Make(string algorithm)
    {
        OpenSsl($"genpkey -algorithm {algorithm} -out key.pem");
        OpenSsl("req -x509 -new -key key.pem -subj /CN=test -days 1 -out cert.pem");
    }

    private void OpenSsl(string arguments)
    {
        using Process openssl = Process.Start(new ProcessStartInfo("openssl", arguments) { WorkingDirectory = _folder.Path, RedirectStandardError = true, RedirectStandardOutput = true })!;
        string errors = openssl.StandardError.ReadToEnd();
        openssl.WaitForExit();
        Assert.True(openssl.ExitCode == 0, $"openssl {arguments}:\n{errors}");
    }
}
