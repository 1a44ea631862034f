using System.Buffers.Binary;

namespace Cloister.Attestation.Forms;

/// <summary>
/// QuoteV4 and QuoteV5 of go-tdx-guest (proto/tdx.proto) as the quote they were read from. Sizes are written as they are declared: reading the quote says
/// whether they hold. Extra bytes, which nobody signed, are left out.
/// </summary>
internal static class GoTdxQuote
{
    private const int MaximumRtmrs = 4;

    public static byte[] Read(MessageFields quote)
    {
        using MemoryStream bytes = new();
        MessageFields header = quote.Required(1, "header");
        Number(bytes, header.Number(1, "version", 2), 2);
        Number(bytes, header.Number(2, "attestation_key_type", 2), 2);
        Number(bytes, header.Number(3, "tee_type", 4), 4);

        // In this order: the library calls the first of the two fields, which version 4 leaves zero, that of the PCE.
        ReadOnlyMemory<byte> qeSvn = header.Bytes(4, "qe_svn", 2);
        bytes.Write(header.Bytes(5, "pce_svn", 2).Span);
        bytes.Write(qeSvn.Span);
        bytes.Write(header.Bytes(6, "qe_vendor_id", 16).Span);
        bytes.Write(header.Bytes(7, "user_data", 20).Span);
        header.End();

        if (quote.Message(2, quote.Has(2, "td_quote_body_descriptor") && !quote.Has(2, "td_quote_body") ? "td_quote_body_descriptor" : "td_quote_body") is not { } body)
        {
            throw quote.Error("td_quote_body", "missing");
        }

        if (body.Has(3, "td_quote_body_v5") && !body.Has(7, "mr_td"))
        {
            Number(bytes, body.Number(1, "td_quote_body_type", 2), 2);
            Number(bytes, body.Number(2, "td_quote_body_size", 4), 4);
            MessageFields inner = body.Required(3, "td_quote_body_v5");
            body.End();
            body = inner;
        }

        WriteBody(bytes, body);
        Number(bytes, quote.Number(3, "signed_data_size", 4), 4);
        WriteSignedData(bytes, quote.Required(4, "signed_data"));
        quote.Skip(5, "extra_bytes");
        quote.End();
        return bytes.ToArray();
    }

    private static void WriteBody(MemoryStream bytes, MessageFields body)
    {
        bytes.Write(body.Bytes(1, "tee_tcb_svn", 16).Span);
        bytes.Write(body.Bytes(2, "mr_seam", 48).Span);
        bytes.Write(body.Bytes(3, "mr_signer_seam", 48).Span);
        bytes.Write(body.Bytes(4, "seam_attributes", 8).Span);
        bytes.Write(body.Bytes(5, "td_attributes", 8).Span);
        bytes.Write(body.Bytes(6, "xfam", 8).Span);
        bytes.Write(body.Bytes(7, "mr_td", 48).Span);
        bytes.Write(body.Bytes(8, "mr_config_id", 48).Span);
        bytes.Write(body.Bytes(9, "mr_owner", 48).Span);
        bytes.Write(body.Bytes(10, "mr_owner_config", 48).Span);
        IReadOnlyList<ReadOnlyMemory<byte>> rtmrs = body.List(11, "rtmrs");
        if (rtmrs.Count != MaximumRtmrs || rtmrs.Any(rtmr => rtmr.Length != 48))
        {
            throw body.Error("rtmrs", "not four registers of 48 bytes");
        }

        foreach (ReadOnlyMemory<byte> rtmr in rtmrs)
        {
            bytes.Write(rtmr.Span);
        }

        bytes.Write(body.Bytes(12, "report_data", 64).Span);
        if (body.Has(13, "tee_tcb_svn2"))
        {
            bytes.Write(body.Bytes(13, "tee_tcb_svn2", 16).Span);
            bytes.Write(body.Bytes(14, "mr_service_td", 48).Span);
        }

        body.End();
    }

    private static void WriteSignedData(MemoryStream bytes, MessageFields data)
    {
        bytes.Write(data.Bytes(1, "signature", 64).Span);
        bytes.Write(data.Bytes(2, "ecdsa_attestation_key", 64).Span);
        MessageFields outer = data.Required(3, "certification_data");
        data.End();
        Number(bytes, outer.Number(1, "certificate_data_type", 2), 2);
        Number(bytes, outer.Number(2, "size", 4), 4);
        MessageFields qe = outer.Required(3, "qe_report_certification_data");
        outer.End();
        WriteReport(bytes, qe.Required(1, "qe_report"));
        bytes.Write(qe.Bytes(2, "qe_report_signature", 64).Span);
        MessageFields auth = qe.Required(3, "qe_auth_data");
        Number(bytes, auth.Number(1, "parsed_data_size", 2), 2);
        bytes.Write(auth.Bytes(2, "data").Span);
        auth.End();
        MessageFields chain = qe.Required(4, "pck_certificate_chain_data");
        qe.End();
        Number(bytes, chain.Number(1, "certificate_data_type", 2), 2);
        Number(bytes, chain.Number(2, "size", 4), 4);
        bytes.Write(chain.Bytes(3, "pck_cert_chain").Span);
        chain.End();
    }

    private static void WriteReport(MemoryStream bytes, MessageFields report)
    {
        bytes.Write(report.Bytes(1, "cpu_svn", 16).Span);
        Number(bytes, report.Number(2, "misc_select", 4), 4);
        bytes.Write(report.Bytes(3, "reserved1", 28).Span);
        bytes.Write(report.Bytes(4, "attributes", 16).Span);
        bytes.Write(report.Bytes(5, "mr_enclave", 32).Span);
        bytes.Write(report.Bytes(6, "reserved2", 32).Span);
        bytes.Write(report.Bytes(7, "mr_signer", 32).Span);
        bytes.Write(report.Bytes(8, "reserved3", 96).Span);
        Number(bytes, report.Number(9, "isv_prod_id", 2), 2);
        Number(bytes, report.Number(10, "isv_svn", 2), 2);
        bytes.Write(report.Bytes(11, "reserved4", 60).Span);
        bytes.Write(report.Bytes(12, "report_data", 64).Span);
        report.End();
    }

    private static void Number(MemoryStream bytes, ulong value, int length)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        bytes.Write(number[..length]);
    }
}
