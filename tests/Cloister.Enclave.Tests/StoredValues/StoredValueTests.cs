using System.Text;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Tests.StoredValues;

public sealed class StoredValueTests
{
    [Theory]
    [InlineData("k8s:enc:kms:v2:cloister:BODY", StoredValueKind.KmsV2, "cloister", "BODY")]
    [InlineData("k8s:enc:kms:v1:cloister:BODY", StoredValueKind.KmsV1, "cloister", "BODY")]
    [InlineData("k8s:enc:aescbc:v1:key1:BODY", StoredValueKind.AesCbc, "key1", "BODY")]
    [InlineData("k8s:enc:aesgcm:v1:key1:BODY", StoredValueKind.AesGcm, "key1", "BODY")]
    [InlineData("k8s:enc:secretbox:v1:key1:BODY", StoredValueKind.Secretbox, "key1", "BODY")]
    [InlineData("k8s:enc:kms:v3:cloister:BODY", StoredValueKind.Unknown, "", "kms:v3:cloister:BODY")]
    [InlineData("k8s:enc:", StoredValueKind.Unknown, "", "")]
    [InlineData("k8s:enc:kms:v2", StoredValueKind.Unknown, "", "kms:v2")]
    [InlineData("k8s:enc:kms:v2:a:b:c", StoredValueKind.KmsV2, "a", "b:c")]
    [InlineData("k8s:enc:kms:v2:bücher:", StoredValueKind.KmsV2, "bücher", "")]
    [InlineData("k8s\0\n\u0001", StoredValueKind.Plaintext, "", "k8s\0\n\u0001")]
    [InlineData("{\"kind\":\"Secret\"}", StoredValueKind.Plaintext, "", "{\"kind\":\"Secret\"}")]
    [InlineData("k8s:enc", StoredValueKind.Plaintext, "", "k8s:enc")]
    [InlineData("K8S:ENC:kms:v2:a:b", StoredValueKind.Plaintext, "", "K8S:ENC:kms:v2:a:b")]
    [InlineData("", StoredValueKind.Plaintext, "", "")]
    public void The_prefix_tells_the_kind(string value, StoredValueKind kind, string provider, string body)
    {
        StoredValue parsed = StoredValue.Parse(Encoding.UTF8.GetBytes(value));
        Assert.Equal(kind, parsed.Kind);
        Assert.Equal(provider, parsed.Provider);
        Assert.Equal(body, Encoding.UTF8.GetString(parsed.Body));
    }

    [Theory]
    [InlineData("k8s:enc:kms:v2:")]
    [InlineData("k8s:enc:kms:v2:cloister")]
    [InlineData("k8s:enc:kms:v2::BODY")]
    [InlineData("k8s:enc:kms:v1:cloister")]
    [InlineData("k8s:enc:aescbc:v1::BODY")]
    [InlineData("k8s:enc:secretbox:v1:key")]
    public void A_prefix_without_a_name_is_refused(string value) =>
        Assert.Throws<WireException>(() => Parse(Encoding.UTF8.GetBytes(value)));

    [Fact]
    public void A_name_that_is_not_UTF8_is_refused() =>
        Assert.Throws<WireException>(() => Parse([.. "k8s:enc:kms:v2:"u8, 0xFF, 0xFE, (byte)':']));

    [Fact]
    public void The_prefix_for_a_provider_is_the_one_that_is_parsed()
    {
        StoredValue parsed = StoredValue.Parse([.. StoredValue.KmsV2PrefixFor("cloister"), 1, 2, 3]);
        Assert.Equal(StoredValueKind.KmsV2, parsed.Kind);
        Assert.Equal("cloister", parsed.Provider);
        Assert.Equal([1, 2, 3], parsed.Body.ToArray());
    }

    [Fact]
    public void A_KMS_v1_value_splits_into_EDEK_and_data()
    {
        StoredValue.Parse([.. "k8s:enc:kms:v1:c:"u8, 0, 3, 9, 8, 7, 1, 2]).SplitKmsV1(out ReadOnlySpan<byte> edek, out ReadOnlySpan<byte> data);
        Assert.Equal([9, 8, 7], edek.ToArray());
        Assert.Equal([1, 2], data.ToArray());
    }

    [Theory]
    [InlineData("k8s:enc:kms:v1:c:")]
    [InlineData("k8s:enc:kms:v1:c:\0")]
    [InlineData("k8s:enc:kms:v1:c:\0\0abc")]
    [InlineData("k8s:enc:kms:v1:c:\0\u0004abc")]
    [InlineData("k8s:enc:kms:v1:c:\u007f\u007fabc")]
    [InlineData("k8s:enc:kms:v2:c:\0\u0003abcd")]
    [InlineData("\0\u0003abcd")]
    public void A_KMS_v1_value_with_a_wrong_length_is_refused(string value) =>
        Assert.Throws<WireException>(() => StoredValue.Parse(Encoding.UTF8.GetBytes(value)).SplitKmsV1(out _, out _));

    private static void Parse(byte[] value) => StoredValue.Parse(value);
}
