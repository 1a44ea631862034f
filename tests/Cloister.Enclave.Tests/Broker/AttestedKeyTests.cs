using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

public sealed class AttestedKeyTests
{
    private static readonly byte[] Plaintext = [.. Enumerable.Range(0, 48).Select(i => (byte)i)];

    [Fact]
    public void Thumbprint_is_that_of_the_key()
    {
        using AttestedKey key = new();
        using JsonDocument jwk = JsonDocument.Parse(key.Jwk);
        Assert.Equal(["alg", "crv", "kty", "x", "y"], jwk.RootElement.EnumerateObject().Select(member => member.Name));
        string required = $$"""{"crv":"P-256","kty":"EC","x":"{{jwk.RootElement.GetProperty("x")}}","y":"{{jwk.RootElement.GetProperty("y")}}"}""";
        Assert.Equal(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(required))), key.Thumbprint);
    }

    [Fact]
    public void Opens_what_another_program_encrypted()
    {
        using AttestedKey key = new();
        byte[] opened = key.Open(JoseBroker.Encrypt(key.Jwk, Plaintext));
        Assert.Equal(Plaintext, opened);
    }

    [Fact]
    public void Every_change_fails_alike()
    {
        using AttestedKey key = new();
        using AttestedKey other = new();
        FlattenedJwe jwe = JoseBroker.Encrypt(key.Jwk, Plaintext);
        string header = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(jwe.Protected));
        FlattenedJwe[] wrong =
        [
            JoseBroker.Encrypt(other.Jwk, Plaintext),
            jwe with { EncryptedKey = Changed(jwe.EncryptedKey) },
            jwe with { Iv = Changed(jwe.Iv) },
            jwe with { Ciphertext = Changed(jwe.Ciphertext) },
            jwe with { Tag = Changed(jwe.Tag) },
            jwe with { Tag = jwe.Tag[..8] },
            jwe with { Iv = "***" },
            jwe with { Protected = "" },
            jwe with { Protected = Header("[]") },
            jwe with { Protected = Header(header + " ") },
            jwe with { Protected = Header(header.Replace("A256GCM", "A128GCM", StringComparison.Ordinal)) },
            jwe with { Protected = Header(header.Replace("ECDH-ES+A256KW", "ECDH-ES", StringComparison.Ordinal)) },
            jwe with { Protected = Header(header.Replace("P-256", "P-521", StringComparison.Ordinal)) },
            jwe with { Protected = Header(header.Insert(1, "\"zip\":\"DEF\",")) },
            jwe with { Protected = Header(header.Insert(1, "\"alg\":\"ECDH-ES+A256KW\",")) },
            jwe with { Protected = Header($$$"""{"alg":"ECDH-ES+A256KW","enc":"A256GCM","epk":{"crv":"P-256","kty":"EC","x":"{{{Base64Url.EncodeToString(new byte[32])}}}","y":"{{{Base64Url.EncodeToString(new byte[32])}}}"}}""") },
        ];
        string[] messages = [.. wrong.Select(changed => Assert.Throws<BrokerException>(() => key.Open(changed)).Message).Distinct()];
        Assert.Single(messages);
    }

    [Fact]
    public void Opens_recorded_vectors()
    {
        string file = Path.Combine(FindUp("shared"), "evidence", "kbs_vectors", "vectors.json");
        Assert.SkipUnless(File.Exists(file), "the recorded vectors are not here");
        using JsonDocument vectors = JsonDocument.Parse(File.ReadAllBytes(file));
        foreach (JsonElement vector in vectors.RootElement.GetProperty("vectors").EnumerateArray().Where(v => v.GetProperty("key").GetString() == "P-256"))
        {
            JsonElement secret = vector.GetProperty("private_jwk");
            ECParameters parameters = EcKeyText.Read(secret);
            parameters.D = Base64Url.DecodeFromChars(secret.GetProperty("d").GetString());
            using AttestedKey key = new(ECDiffieHellman.Create(parameters));
            FlattenedJwe jwe = vector.GetProperty("jwe").Deserialize(KbsJson.Default.FlattenedJwe)!;
            Assert.Equal(vector.GetProperty("jwe_plaintext_hex").GetString(), Convert.ToHexStringLower(key.Open(jwe)));
            string nonce = vector.GetProperty("nonce").GetString()!;
            Assert.Equal(vector.GetProperty("runtime_data_canonical").GetString(), RuntimeBinding.Canonical("", nonce, key.Jwk));
            Assert.Equal(vector.GetProperty("expected_report_data_64").GetString(), Convert.ToHexStringLower(RuntimeBinding.ReportData("", nonce, key.Jwk)));
        }
    }

    private static string FindUp(string name)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, name, "evidence")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "/", name);
    }

    private static string Header(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private static string Changed(string part)
    {
        byte[] bytes = Base64Url.DecodeFromChars(part);
        bytes[0] ^= 1;
        return Base64Url.EncodeToString(bytes);
    }
}
