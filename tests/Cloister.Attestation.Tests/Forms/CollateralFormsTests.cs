using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Tests.Dcap;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Collateral as other tools keep it verifies what it belongs to.</summary>
public sealed class CollateralFormsTests : IDisposable
{
    private static readonly DcapCollateral Known = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-collateral-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_file_with_all_of_it(bool nested)
    {
        JsonObject whole = OneFile();
        Write("anything.json", Encoding.UTF8.GetBytes((nested ? new JsonObject { ["collateral"] = whole } : whole).ToJsonString()));
        Verifies(Path.Combine(_folder, "anything.json"));
        Verifies(_folder);
    }

    [Fact]
    public void Answers_of_a_caching_service_with_their_headers()
    {
        Write("tcb.json", Known.TcbInfo);
        Write("tcb.headers", Answer("TCB-Info-Issuer-Chain", Known.TcbSigningChain));
        Write("qe.answer", (byte[])[.. Answer("SGX-Enclave-Identity-Issuer-Chain", Known.TcbSigningChain), .. Known.QeIdentity.Span]);
        Write("crl.answer", (byte[])[.. Answer("SGX-PCK-CRL-Issuer-Chain", Known.PckCrlIssuerChain), .. Encoding.ASCII.GetBytes(Convert.ToHexString(Known.PckCrl.Span))]);
        Write("rootcacrl", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Known.RootCaCrl.Span)));
        Verifies(_folder);
    }

    [Fact]
    public void Files_of_other_names_and_lists_in_PEM()
    {
        Write("a", Known.TcbInfo);
        Write("b", Known.QeIdentity);
        Write("c", Known.TcbSigningChain);
        Write("d", Known.PckCrlIssuerChain);
        Write("e", Encoding.ASCII.GetBytes($"-----BEGIN X509 CRL-----\n{Convert.ToBase64String(Known.PckCrl.Span, Base64FormattingOptions.InsertLineBreaks)}\n-----END X509 CRL-----\n"));
        Write("f", Known.RootCaCrl);
        Write("notes.txt", "what belongs to nobody"u8.ToArray());
        Verifies(_folder);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Write("a", Known.TcbInfo);
        Assert.Contains("qe_identity.json", Assert.Throws<FileNotFoundException>(() => CollateralDirectory.ReadDcap(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_of_a_kind_are_named()
    {
        Write("one.json", Known.TcbInfo);
        Write("two.json", MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral).TcbInfo);
        string message = Assert.Throws<EvidenceFormatException>(() => CollateralDirectory.ReadDcap(_folder)).Message;
        Assert.Contains("one.json", message, StringComparison.Ordinal);
        Assert.Contains("two.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_settles_which_counts()
    {
        Write("all.json", Encoding.UTF8.GetBytes(OneFile().ToJsonString()));
        Write("tcb_info.json", MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral).TcbInfo);
        VerificationResult result = DcapVerifier.Verify(Tee.Tdx, MintedForms.Tdx, CollateralDirectory.ReadDcap(_folder), MintedDcap.Vendor.Anchors, VerificationTime.At(MintedDcap.Now));
        Assert.Equal(("tcb_info_match", "wrong_tee"), (result.Failure?.Step, result.Failure?.Code));
    }

    [Fact]
    public void The_folder_of_snpguest()
    {
        Write("vcek.pem", Pem(MintedForms.Endorsement.Certificate));
        Write("ask.pem", Pem(MintedForms.Ask));
        Write("ark.pem", Pem(MintedForms.Ark));
        Write("report.bin", MintedForms.Snp);
        VerifiesSnp();
    }

    [Fact]
    public void Certificates_in_DER_by_other_names_and_PEM_where_DER_is_asked()
    {
        Write("vcek.der", Pem(MintedForms.Endorsement.Certificate));
        Write("ask.crt", MintedForms.Ask);
        Write("ark.crt", MintedForms.Ark);
        VerifiesSnp();
    }

    [Fact]
    public void Real_collateral_in_one_file_verifies_real_quotes()
    {
        string more = Path.Combine(Evidence.EvidenceDirectory.Require(), "more");
        foreach ((string quote, string file, Tee tee) in (ReadOnlySpan<(string, string, Tee)>)[("phala_sgx_quote", "phala_sgx_quote_collateral.json", Tee.Sgx), ("phala_tdx_quote", "phala_tdx_quote_collateral.json", Tee.Tdx)])
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(more, file)));
            using JsonDocument tcb = JsonDocument.Parse(json.RootElement.GetProperty("tcb_info").GetString()!);
            VerificationTime time = VerificationTime.At(tcb.RootElement.GetProperty("issueDate").GetDateTimeOffset().AddDays(2));
            VerificationResult result = DcapVerifier.Verify(tee, File.ReadAllBytes(Path.Combine(more, quote)), CollateralDirectory.ReadDcap(Path.Combine(more, file)), TrustAnchors.Intel, time);
            Assert.True(result.IsAuthentic, $"{quote}: {result.Failure}");
        }
    }

    private static JsonObject OneFile()
    {
        JsonElement Body(ReadOnlyMemory<byte> body) => JsonDocument.Parse(body).RootElement;
        return new JsonObject
        {
            ["pck_crl_issuer_chain"] = Encoding.ASCII.GetString(Known.PckCrlIssuerChain.Span),
            ["root_ca_crl"] = Convert.ToHexStringLower(Known.RootCaCrl.Span),
            ["pck_crl"] = Convert.ToHexStringLower(Known.PckCrl.Span),
            ["tcb_info_issuer_chain"] = Encoding.ASCII.GetString(Known.TcbSigningChain.Span),
            ["tcb_info"] = Body(Known.TcbInfo).GetProperty("tcbInfo").GetRawText(),
            ["tcb_info_signature"] = Body(Known.TcbInfo).GetProperty("signature").GetString(),
            ["qe_identity_issuer_chain"] = Encoding.ASCII.GetString(Known.TcbSigningChain.Span),
            ["qe_identity"] = Body(Known.QeIdentity).GetProperty("enclaveIdentity").GetRawText(),
            ["qe_identity_signature"] = Body(Known.QeIdentity).GetProperty("signature").GetString(),
        };
    }

    private static byte[] Answer(string header, ReadOnlyMemory<byte> chain) =>
        Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nRequest-ID: 1\r\n{header.ToLowerInvariant()}: {Uri.EscapeDataString(Encoding.ASCII.GetString(chain.Span))}\r\nContent-Type: application/json\r\n\r\n");

    private static byte[] Pem(byte[] der) => Encoding.ASCII.GetBytes($"-----BEGIN CERTIFICATE-----\n{Convert.ToBase64String(der, Base64FormattingOptions.InsertLineBreaks)}\n-----END CERTIFICATE-----\n");

    private void Write(string name, ReadOnlyMemory<byte> bytes) => File.WriteAllBytes(Path.Combine(_folder, name), bytes.Span);

    private static void Verifies(string path)
    {
        VerificationResult result = DcapVerifier.Verify(Tee.Tdx, MintedForms.Tdx, CollateralDirectory.ReadDcap(path), MintedDcap.Vendor.Anchors, VerificationTime.At(MintedDcap.Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    private void VerifiesSnp()
    {
        VerificationResult result = SnpVerifier.Verify(MintedForms.Snp, CollateralDirectory.ReadSnp(_folder), TrustAnchors.Of(Certificate.Parse(MintedForms.Ark)), VerificationTime.At(MintedSnp.Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }
}
