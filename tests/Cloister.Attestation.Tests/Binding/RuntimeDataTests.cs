using System.Text;
using System.Text.Json;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Tests.Evidence;

namespace Cloister.Attestation.Tests.Binding;

public sealed class RuntimeDataTests
{
    [Fact]
    public void Kbs_vectors()
    {
        string file = Path.Combine(EvidenceDirectory.Require(), "kbs_vectors", "vectors.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        int count = 0;
        foreach (JsonElement vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            RuntimeData data = new(vector.GetProperty("nonce").GetString()!, Encoding.UTF8.GetBytes(vector.GetProperty("tee_pubkey").GetRawText()));
            Assert.Equal(vector.GetProperty("runtime_data_canonical").GetString(), Encoding.UTF8.GetString(data.Canonical.Span));
            Assert.Equal(vector.GetProperty("runtime_data_sha384").GetString(), Convert.ToHexStringLower(data.Digest.Span));
            Assert.Equal(vector.GetProperty("expected_report_data_64").GetString(), Convert.ToHexStringLower(data.ReportData.Span));
            Assert.True(data.Binds(data.ReportData.Span));
            count++;
        }

        Assert.True(count > 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    [InlineData(47)]
    [InlineData(49)]
    [InlineData(63)]
    [InlineData(65)]
    public void Trustee_pads_or_truncates_silently_here_another_length_is_an_error(int length) =>
        Assert.Throws<ArgumentException>(() => RuntimeData.PadReportData(new byte[length]));

    [Fact]
    public void Trustee_151_the_nonce_is_bound()
    {
        RuntimeData a = new("AAAA", "{\"kty\":\"EC\"}"u8.ToArray());
        RuntimeData b = new("AAAB", "{\"kty\":\"EC\"}"u8.ToArray());
        Assert.False(a.Binds(b.ReportData.Span));
        Assert.False(a.Binds(a.Digest.Span));
        Assert.False(a.Binds([]));
    }

    [Fact]
    public void A_device_binds_nonce_and_key_only()
    {
        RuntimeData data = new("AAAA", "{\"kty\": \"EC\"}"u8.ToArray(), additionalEvidence: null);
        Assert.Equal("{\"nonce\":\"AAAA\",\"tee-pubkey\":{\"kty\":\"EC\"}}", Encoding.UTF8.GetString(data.Canonical.Span));
    }
}
