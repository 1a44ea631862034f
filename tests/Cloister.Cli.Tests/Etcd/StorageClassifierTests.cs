using System.Text;
using Cloister.Cli.Etcd;

namespace Cloister.Cli.Tests.Etcd;

public sealed class StorageClassifierTests
{
    [Theory]
    [InlineData("", "malformed", "")]
    [InlineData("k8s\0\n", "plaintext-protobuf", "")]
    [InlineData("k8s", "identity", "")]
    [InlineData("{\"kind\":\"Secret\"}", "plaintext-json", "")]
    [InlineData(" \n{}", "plaintext-json", "")]
    [InlineData("password", "identity", "")]
    [InlineData("k8s:enc", "identity", "")]
    [InlineData("K8S:ENC:kms:v2:tee:", "identity", "")]
    [InlineData("k8s:enc:", "unknown", "")]
    [InlineData("k8s:enc:kms:v3:tee:x", "unknown", "")]
    [InlineData("k8s:enc:aescbc:v2:k:x", "unknown", "")]
    [InlineData("k8s:enc:aescbc:v1:", "malformed", "")]
    [InlineData("k8s:enc:aesgcm:v1::x", "malformed", "")]
    [InlineData("k8s:enc:kms:v2:tee", "malformed", "")]
    [InlineData("k8s:enc:kms:v2:tee:", "malformed", "tee")]
    [InlineData("k8s:enc:kms:v2:tee:garbage", "malformed", "tee")]
    [InlineData("k8s:enc:kms:v1:tee:\0", "malformed", "tee")]
    public void Texts(string value, string kind, string provider)
    {
        Storage storage = StorageClassifier.Classify(Encoding.UTF8.GetBytes(value));

        Assert.Equal((kind, provider, "", ""), (storage.Kind.Name(), storage.Provider, storage.KeyId, storage.Kek));
    }

    [Theory]
    [InlineData("aescbc", 16, false)]
    [InlineData("aescbc", 32, true)]
    [InlineData("aescbc", 33, false)]
    [InlineData("aesgcm", 27, false)]
    [InlineData("aesgcm", 28, true)]
    [InlineData("secretbox", 39, false)]
    [InlineData("secretbox", 40, true)]
    public void Lengths_of_local_keys(string scheme, int length, bool good)
    {
        Storage storage = StorageClassifier.Classify(SeededValues.Local(scheme, "key1", length));

        Assert.Equal((good ? scheme : "malformed", "key1"), (storage.Kind.Name(), storage.Provider));
        Assert.Equal(good, storage.Kind.IsEncrypted());
    }

    [Theory]
    [InlineData(1, 28, true)]
    [InlineData(1, 27, false)]
    [InlineData(0, 28, false)]
    public void Kms_v1(int edek, int data, bool good)
    {
        byte[] value = [.. "k8s:enc:kms:v1:old:"u8, 0, (byte)edek, .. new byte[edek], .. new byte[data]];

        Assert.Equal(new Storage(good ? StorageKind.KmsV1 : StorageKind.Malformed, "old"), StorageClassifier.Classify(value));
    }

    [Fact]
    public void Kms_v2_of_another_plugin_and_of_ours()
    {
        Assert.Equal(new Storage(StorageKind.KmsV2, "aws", "arn:1"), StorageClassifier.Classify(SeededValues.KmsV2("aws", "arn:1", [1, 2, 3])));
        Assert.Equal(
            new Storage(StorageKind.KmsV2, "tee", SeededValues.KeyId(7), SeededValues.KeyId(7)[4..]),
            StorageClassifier.Classify(SeededValues.Ours("tee", 7)));
        Storage v1 = StorageClassifier.Classify([.. "k8s:enc:kms:v1:tee:"u8, 0, (byte)SeededValues.Edek(7).Length, .. SeededValues.Edek(7), .. new byte[28]]);
        Assert.Equal(new Storage(StorageKind.KmsV1, "tee", "", SeededValues.KeyId(7)[4..]), v1);
    }

    [Fact]
    public void An_edek_of_ours_that_is_cut_or_under_another_key_id_is_malformed()
    {
        Assert.Equal(StorageKind.Malformed, StorageClassifier.Classify(SeededValues.KmsV2("tee", SeededValues.KeyId(8), SeededValues.Edek(7))).Kind);
        Assert.Equal(StorageKind.Malformed, StorageClassifier.Classify(SeededValues.KmsV2("tee", SeededValues.KeyId(7), SeededValues.Edek(7)[..30])).Kind);
        Assert.Equal(StorageKind.Malformed, StorageClassifier.Classify(SeededValues.KmsV2("tee", "k", [1], data: 59)).Kind);
    }

    [Fact]
    public void Every_truncation_is_answered_without_an_exception()
    {
        byte[] value = SeededValues.Ours("tee", 7);
        for (int length = 0; length < value.Length; length++)
        {
            StorageKind kind = StorageClassifier.Classify(value.AsSpan(0, length)).Kind;
            Assert.True(kind is StorageKind.Malformed or StorageKind.Identity or StorageKind.Unknown || length == value.Length - 2, $"{length}: {kind}");
        }
    }

    [Theory]
    [InlineData("encrypted", true, true, true, false)]
    [InlineData("provider", true, true, false, false)]
    [InlineData("current", true, false, false, false)]
    public void Requirements(string requirement, bool current, bool old, bool aes, bool plain)
    {
        ReadOnlySpan<byte> key = "/registry/secrets/ns/name"u8;
        CoverageRules rules = new(Enum.Parse<Requirement>(requirement, ignoreCase: true), "tee", CurrentKeyIds.One(SeededValues.KeyId(7)));

        Assert.Equal(current, rules.Holds(StorageClassifier.Classify(SeededValues.Ours("tee", 7)), key));
        Assert.Equal(old, rules.Holds(StorageClassifier.Classify(SeededValues.Ours("tee", 6)), key));
        Assert.Equal(aes, rules.Holds(StorageClassifier.Classify(SeededValues.Local("aesgcm", "tee", 28)), key));
        Assert.Equal(plain, rules.Holds(StorageClassifier.Classify("{}"u8), key));
        Assert.False(rules.Holds(new Storage(StorageKind.Unknown), key));
        Assert.False(rules.Holds(new Storage(StorageKind.Malformed, "tee"), key));
    }

    [Fact]
    public void A_namespace_is_held_against_the_KEK_of_its_rule_and_is_stale_without_it()
    {
        Contracts.SecretsV1.StatusResponse status = new() { KeyId = SeededValues.KeyId(7) };
        status.NamespaceKeks.Add(new Contracts.SecretsV1.NamespaceKek { Namespaces = { "payments", "team-*" }, Kek = "gold", KeyId = SeededValues.KeyId(6) });
        status.NamespaceKeks.Add(new Contracts.SecretsV1.NamespaceKek { Namespaces = { "audit" }, Kek = "away" });
        CoverageRules rules = new(Requirement.Current, "tee", CurrentKeyIds.Of(status));
        Storage six = StorageClassifier.Classify(SeededValues.Ours("tee", 6));
        Storage seven = StorageClassifier.Classify(SeededValues.Ours("tee", 7));
        Assert.Equal((false, true), (rules.IsStale(six, "/registry/secrets/team-a/x"u8), rules.IsStale(seven, "/registry/secrets/team-a/x"u8)));
        Assert.Equal((true, false), (rules.IsStale(six, "/registry/secrets/default/x"u8), rules.IsStale(seven, "/registry/secrets/default/x"u8)));
        Assert.Equal((true, true), (rules.IsStale(six, "/registry/secrets/audit/x"u8), rules.IsStale(seven, "/registry/secrets/audit/x"u8)));
        Assert.Null(rules.IsStale(StorageClassifier.Classify("{}"u8), "/registry/secrets/team-a/x"u8));
    }

    [Theory]
    [InlineData("/registry/secrets/ns/name", "ns")]
    [InlineData("/registry/group/things/ns/name", "ns")]
    [InlineData("/registry/namespaces/name", "")]
    [InlineData("name", "")]
    public void Namespaces(string key, string expected) => Assert.Equal(expected, Coverage.NamespaceOf(key));
}
