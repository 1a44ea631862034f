using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Nitro;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A Nitro enclave; its image holds the configuration.</summary>
internal sealed class NitroSubject : Subject
{
    private static readonly NitroVendor Vendor = new(DateTimeOffset.UtcNow);

    private readonly NitroMachine _machine = new(Vendor, TimeProvider.System);

    internal override string Tee => "nitro";

    internal override FakeMachine Machine => _machine;

    internal override string Root => PemEncoding.WriteString("CERTIFICATE", Vendor.Root);

    internal override string Appraisal(byte[] configuration) => Policies.Nitro;

    internal override JsonElement Lie(string lie, EvidenceBinding binding)
    {
        NitroDocumentFields own = _machine.Fields(binding.ReportData.ToArray(), binding.Nonce.ToArray(), binding.PublicKey.ToArray());
        return Evidence("document", lie switch
        {
            "none" => Signed(own),
            "other enclave" => Signed(own with { Pcrs = [(0, Sample.Bytes(48, 2)), .. own.Pcrs.Skip(1)] }),
            "old report data" => Signed(own with { UserData = Sample.Bytes(64, 9) }),
            "debug" => Signed(own with { Pcrs = [.. own.Pcrs.Select(pcr => (pcr.Item1, new byte[48]))] }),
            "other TEE's bytes" => new DcapMint().Platform.QuoteSgx(new EnclaveReportFields { ReportData = binding.ReportData }),
            "other nonce" => Signed(own with { Nonce = Sample.Bytes(44, (byte)'A') }),
            "other key" => Signed(own with { PublicKey = Sample.Bytes(91, 4) }),
            "old document" => Signed(own with { Timestamp = DateTimeOffset.UtcNow.AddHours(-4) }),
            "old certificate" => own.Sign(Vendor.IssueSigner(new NitroSignerRequest { NotBefore = DateTimeOffset.UtcNow.AddHours(-4), NotAfter = DateTimeOffset.UtcNow.AddHours(-1) })),
            "foreign root" => Foreign(own),
            "rewritten measurement" => Rewritten(own),
            "garbage" => Sample.Bytes(4000, 0xA5),
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        });
    }

    private byte[] Signed(NitroDocumentFields fields) => _machine.Document(fields);

    private static byte[] Foreign(NitroDocumentFields fields)
    {
        NitroVendor vendor = new(DateTimeOffset.UtcNow);
        return (fields with { CaBundle = vendor.Bundle }).Sign(vendor.IssueSigner(new NitroSignerRequest()));
    }

    private byte[] Rewritten(NitroDocumentFields own)
    {
        byte[] other = Sample.Bytes(48, 0xD7);
        byte[] document = Signed(own with { Pcrs = [(0, other), .. own.Pcrs.Skip(1)] });
        return Changed(document, document.AsSpan().IndexOf(other), _machine.Pcr0);
    }
}
