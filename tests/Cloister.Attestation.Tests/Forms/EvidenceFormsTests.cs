using System.Text.Json.Nodes;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Evidence in other people's forms gives back the bytes that were signed, and what is in no form that is known is named as such.</summary>
public sealed class EvidenceFormsTests
{
    public static TheoryData<string> Names => [.. MintedForms.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_form_gives_the_signed_bytes_back(string name)
    {
        (byte[] form, Tee tee, byte[] bytes) = MintedForms.All[name];
        EvidenceInput input = EvidenceForms.Read(form);
        Assert.Equal(tee, input.Tee);
        Assert.Equal(bytes, input.Bytes.ToArray());
    }

    [Theory]
    [InlineData("CoCo snp")]
    [InlineData("go-sev-guest attestation, protobuf")]
    [InlineData("go-sev-guest attestation, JSON")]
    public void Certificates_beside_a_report_verify_it(string name)
    {
        EvidenceInput input = EvidenceForms.Read(MintedForms.All[name].Form);
        VerificationResult result = SnpVerifier.Verify(input.Bytes, input.Endorsements, TrustAnchors.Of(Certificate.Parse(MintedForms.Ark)), VerificationTime.At(MintedSnp.Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    [Theory]
    [InlineData("{}", "unknown_form", "known are")]
    [InlineData("[]", "unknown_form", "known are")]
    [InlineData("hello, world", "unknown_form", "known are")]
    [InlineData("0123456789abcdef", "unknown_form", "known are")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unknown_form", "--collateral")]
    [InlineData("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA", "unknown_form", "evidence token")]
    [InlineData("{\"submods\":{}}", "unknown_form", "evidence token")]
    [InlineData("{\"tcbInfo\":{}}", "unknown_form", "--collateral")]
    [InlineData("{\"svn\":\"1\",\"report_data\":\"\"}", "unsupported", "sample")]
    [InlineData("{\"cca_token\":[1,2]}", "unsupported", "Arm CCA")]
    [InlineData("{\"attestation_report\":{},\"serial_number\":[1]}", "unsupported", "Hygon CSV")]
    [InlineData("{\"quote\":\"AAAA\"}", "unknown_form", "quote")]
    [InlineData("{\"quote\":\"AAAA\",\"quote\":\"AAAA\"}", "malformed", "twice")]
    [InlineData("{\"quote\":", "malformed", "JSON")]
    [InlineData("{\"quote\":\"!\"}", "malformed", "quote")]
    [InlineData("{\"attestation_report\":{\"ofALaterVersion\":1}}", "malformed", "no place")]
    [InlineData("", "unknown_form", "known are")]
    public void What_is_none_is_named(string text, string code, string words)
    {
        EvidenceFormatException refused = Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(MintedForms.Text(text)));
        Assert.Equal(code, refused.Code);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"quote\":\"\\ud800\"}")]
    [InlineData("{\"\\udfff\":1}")]
    public void Half_a_character_is_refused(string json)
    {
        Assert.Equal("malformed", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(MintedForms.Text(json))).Code);
        using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(json);
        Assert.Throws<EvidenceFormatException>(() => EvidenceForms.ReadJson(document.RootElement));
    }

    [Fact]
    public void Text_that_is_no_UTF_8_is_refused() =>
        Assert.Equal("malformed", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read((byte[])[.. "{\"quote\":\""u8, 0xC3, 0x28, .. "\"}"u8])).Code);

    [Fact]
    public void Forms_do_not_go_into_each_other_without_end()
    {
        byte[] form = MintedForms.Sgx;
        for (int i = 0; i < 8; i++)
        {
            form = MintedForms.Text(Convert.ToBase64String(form));
        }

        Assert.Contains("inside each other", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(form)).Message, StringComparison.Ordinal);
        Assert.Contains("at most", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(new byte[EvidenceForms.MaximumLength + 1])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_look_like_nothing_are_taken_for_what_is_expected()
    {
        byte[] changed = [.. MintedForms.Sgx];
        changed[12] ^= 1; // QE vendor
        Assert.Equal("unknown_form", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(changed)).Code);
        Assert.Equal(changed, EvidenceForms.Read(changed, Tee.Sgx).Bytes.ToArray());
        Assert.Equal(changed, EvidenceForms.Read(MintedForms.Text(Convert.ToHexString(changed)), Tee.Sgx).Bytes.ToArray());
    }

    [Theory]
    [InlineData("mrTd", "\"AAAA\"")]
    [InlineData("rtmrs", "[]")]
    [InlineData("xfam", "7")]
    [InlineData("ofALaterVersion", "1")]
    public void A_field_of_another_form_is_refused(string field, string value)
    {
        JsonObject quote = GoMessageWriter.Quote(MintedForms.Tdx).Json(camelCase: true);
        quote["tdQuoteBody"]![field] = JsonNode.Parse(value);
        EvidenceFormatException refused = Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(MintedForms.Text(quote.ToJsonString())));
        Assert.Equal("malformed", refused.Code);
        Assert.StartsWith("quote.td_quote_body", refused.Field, StringComparison.Ordinal);
    }

    [Fact]
    public void Trailing_garbage_in_a_message_is_refused()
    {
        byte[] quote = [.. GoMessageWriter.Quote(MintedForms.Tdx).Wire(), 0x98, 0x06, 0x01];
        Assert.Equal("malformed", Assert.Throws<EvidenceFormatException>(() => EvidenceForms.Read(quote)).Code);
    }
}
