using System.Globalization;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Inspect;

/// <summary>Fields of the parts of a DCAP quote.</summary>
internal static class QuoteSections
{
    public static ClaimSet Header(DcapQuote quote)
    {
        ClaimSet fields = [];
        fields.Add("version", quote.Header.Version);
        fields.Add("attestation_key_type", quote.Header.AttestationKeyType);
        fields.Add("tee_type", quote.Header.TeeType);
        fields.Add("qe_svn", quote.Header.QeSvn);
        fields.Add("pce_svn", quote.Header.PceSvn);
        fields.Add("qe_vendor_id", quote.Header.QeVendorId);
        fields.Add("user_data", quote.Header.UserData);
        return fields;
    }

    public static ClaimSet Signature(DcapQuote quote)
    {
        ClaimSet fields = [];
        fields.Add("signature", quote.SignatureData.Signature);
        fields.Add("attestation_key", quote.SignatureData.AttestationKey);
        fields.Add("qe_report_signature", quote.SignatureData.QeReportSignature);
        fields.Add("qe_auth_data", quote.SignatureData.QeAuthData);
        fields.Add("certification_data_type", quote.SignatureData.CertificationDataType);
        fields.Add("certification_data_length", (ulong)quote.SignatureData.CertificationData.Length);
        fields.Add("trailing_bytes", (ulong)quote.TrailingLength);
        return fields;
    }

    public static ClaimSet Pck(PckExtension pck)
    {
        ClaimSet fields = [];
        fields.Add("fmspc", pck.Fmspc);
        fields.Add("pceid", pck.PceId);
        fields.Add("ppid", pck.Ppid);
        fields.Add("sgx_type", (ulong)pck.SgxType);
        fields.Add("tcb_components", pck.TcbComponents);
        fields.Add("pcesvn", pck.PceSvn);
        fields.Add("cpusvn", pck.CpuSvn);
        fields.Add("platform_instance_id", pck.PlatformInstanceId);
        return fields;
    }

    public static string Moment(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
