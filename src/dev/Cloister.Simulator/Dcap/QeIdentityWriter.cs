using System.Text.Json;
using Cloister.Attestation;

namespace Cloister.Simulator.Dcap;

/// <summary>Writes and signs the identity of the quoting enclave.</summary>
internal static class QeIdentityWriter
{
    public static byte[] Write(DcapCollateralRequest request, DcapAuthority signer)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter writer = new(body))
        {
            writer.WriteStartObject();
            writer.WriteString("id", request.QeId ?? (request.Tee == Tee.Tdx ? "TD_QE" : "QE"));
            writer.WriteNumber("version", 2);
            writer.WriteString("issueDate", TcbInfoWriter.Moment(request.QeIssueDate ?? request.IssueDate));
            writer.WriteString("nextUpdate", TcbInfoWriter.Moment(request.QeNextUpdate ?? request.NextUpdate));
            writer.WriteNumber("tcbEvaluationDataNumber", request.QeTcbEvaluationDataNumber ?? request.TcbEvaluationDataNumber);
            writer.WriteString("miscselect", "00000000");
            writer.WriteString("miscselectMask", "FFFFFFFF");
            writer.WriteString("attributes", "11000000000000000000000000000000");

            // The debug bit is left out of the mask, so that a verifier that refuses a debug QE does so of its own.
            writer.WriteString("attributesMask", "F9FFFFFFFFFFFFFF0000000000000000");
            writer.WriteString("mrsigner", Convert.ToHexString(request.QeMrSigner));
            writer.WriteNumber("isvprodid", request.QeIsvProdId);
            TcbInfoWriter.WriteIsvSvnLevels(writer, request.QeLevels);
            writer.WriteEndObject();
        }

        return TcbInfoWriter.Sign("enclaveIdentity", body.ToArray(), signer);
    }
}
