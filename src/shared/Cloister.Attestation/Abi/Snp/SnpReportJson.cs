using System.Buffers.Binary;
using System.Text.Json;
using Layout = Cloister.Attestation.Abi.Snp.SnpReportLayout;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// A report in the form of JSON that Confidential Containers' guests send: the <c>AttestationReport</c> of the <c>sev</c> crate as serde writes it. Two
/// generations of it are read, those with reserved fields and numbers of versions apart (up to 4), and those with <c>key_info</c>, CPUID and
/// mitigation vectors (from 5). The signature covers the bytes, so a member that has no known place is an error and not ignored.
/// </summary>
public static class SnpReportJson
{
    private const string Structure = "attestation_report";

    /// <summary>The 1184 bytes of the report. Reserved fields that are not there are zero. Nothing in it is believed yet.</summary>
    /// <param name="json">The value of <c>attestation_report</c>.</param>
    /// <exception cref="EvidenceFormatException">Not of this form.</exception>
    public static byte[] Read(JsonElement json)
    {
        byte[] report = new byte[Layout.Length];
        foreach (JsonProperty member in Members(json, Structure))
        {
            switch (member.Name)
            {
                case "version": Number(member, report, Layout.Version, 4); break;
                case "guest_svn": Number(member, report, Layout.GuestSvn, 4); break;
                case "policy": Number(member, report, Layout.Policy, 8); break;
                case "family_id": Bytes(member, report, Layout.FamilyId, 16); break;
                case "image_id": Bytes(member, report, Layout.ImageId, 16); break;
                case "vmpl": Number(member, report, Layout.Vmpl, 4); break;
                case "sig_algo": Number(member, report, Layout.SignatureAlgorithm, 4); break;
                case "current_tcb": Tcb(member, report, Layout.CurrentTcb); break;
                case "plat_info": Number(member, report, Layout.PlatformInfo, 8); break;
                case "_author_key_en" or "author_key_en" or "key_info": Number(member, report, Layout.KeyInfo, 4); break;
                case "_reserved_0": Number(member, report, Layout.KeyInfo + 4, 4); break;
                case "report_data": Bytes(member, report, Layout.ReportData, 64); break;
                case "measurement": Bytes(member, report, Layout.Measurement, 48); break;
                case "host_data": Bytes(member, report, Layout.HostData, 32); break;
                case "id_key_digest": Bytes(member, report, Layout.IdKeyDigest, 48); break;
                case "author_key_digest": Bytes(member, report, Layout.AuthorKeyDigest, 48); break;
                case "report_id": Bytes(member, report, Layout.ReportId, 32); break;
                case "report_id_ma": Bytes(member, report, Layout.ReportIdMa, 32); break;
                case "reported_tcb": Tcb(member, report, Layout.ReportedTcb); break;
                case "_reserved_1": Bytes(member, report, Layout.Cpuid, 24); break;
                case "cpuid_fam_id": Number(member, report, Layout.Cpuid, 1, optional: true); break;
                case "cpuid_mod_id": Number(member, report, Layout.Cpuid + 1, 1, optional: true); break;
                case "cpuid_step": Number(member, report, Layout.Cpuid + 2, 1, optional: true); break;
                case "chip_id": Bytes(member, report, Layout.ChipId, 64); break;
                case "committed_tcb": Tcb(member, report, Layout.CommittedTcb); break;
                case "current": FirmwareVersion(member, report, Layout.CurrentVersion); break;
                case "current_build": Number(member, report, Layout.CurrentVersion, 1); break;
                case "current_minor": Number(member, report, Layout.CurrentVersion + 1, 1); break;
                case "current_major": Number(member, report, Layout.CurrentVersion + 2, 1); break;
                case "_reserved_2": Number(member, report, Layout.CurrentVersion + 3, 1); break;
                case "committed": FirmwareVersion(member, report, Layout.CommittedVersion); break;
                case "committed_build": Number(member, report, Layout.CommittedVersion, 1); break;
                case "committed_minor": Number(member, report, Layout.CommittedVersion + 1, 1); break;
                case "committed_major": Number(member, report, Layout.CommittedVersion + 2, 1); break;
                case "_reserved_3": Number(member, report, Layout.CommittedVersion + 3, 1); break;
                case "launch_tcb": Tcb(member, report, Layout.LaunchTcb); break;
                case "_reserved_4": Bytes(member, report, Layout.LaunchMitigationVector, 168); break;
                case "launch_mit_vector": Number(member, report, Layout.LaunchMitigationVector, 8, optional: true); break;
                case "current_mit_vector": Number(member, report, Layout.CurrentMitigationVector, 8, optional: true); break;
                case "signature": Signature(member, report); break;
                default: throw Unknown(Structure, member);
            }
        }

        return report;
    }

    // An fmc says that the bytes lie as Turin has them. The old generation does not know Turin: its reserved bytes hold what lies there.
    private static void Tcb(JsonProperty tcb, byte[] report, int at)
    {
        bool turin = Members(tcb.Value, tcb.Name).Any(member => member.Name == "fmc" && member.Value.ValueKind != JsonValueKind.Null);
        foreach (JsonProperty member in Members(tcb.Value, tcb.Name))
        {
            switch (member.Name)
            {
                case "fmc": Number(member, report, at, 1, optional: true); break;
                case "bootloader": Number(member, report, at + (turin ? 1 : 0), 1); break;
                case "tee": Number(member, report, at + (turin ? 2 : 1), 1); break;
                case "snp": Number(member, report, at + (turin ? 3 : 6), 1); break;
                case "microcode": Number(member, report, at + 7, 1); break;
                case "_reserved" when !turin: Bytes(member, report, at + 2, 4); break;
                default: throw Unknown(tcb.Name, member);
            }
        }
    }

    private static void FirmwareVersion(JsonProperty version, byte[] report, int at)
    {
        foreach (JsonProperty member in Members(version.Value, version.Name))
        {
            switch (member.Name)
            {
                case "build": Number(member, report, at, 1); break;
                case "minor": Number(member, report, at + 1, 1); break;
                case "major": Number(member, report, at + 2, 1); break;
                default: throw Unknown(version.Name, member);
            }
        }
    }

    private static void Signature(JsonProperty signature, byte[] report)
    {
        foreach (JsonProperty member in Members(signature.Value, signature.Name))
        {
            switch (member.Name)
            {
                case "r": Bytes(member, report, Layout.SignatureR, Layout.SignatureComponentField); break;
                case "s": Bytes(member, report, Layout.SignatureS, Layout.SignatureComponentField); break;
                case "_reserved": Bytes(member, report, Layout.SignatureEnd, Layout.Length - Layout.SignatureEnd); break;
                default: throw Unknown(signature.Name, member);
            }
        }
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw Error(name, "not an object");

    private static void Number(JsonProperty member, byte[] report, int at, int length, bool optional = false)
    {
        if (optional && member.Value.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        Span<byte> number = stackalloc byte[sizeof(ulong)];
        if (member.Value.ValueKind != JsonValueKind.Number || !member.Value.TryGetUInt64(out ulong value) || (length < sizeof(ulong) && value >> (8 * length) != 0))
        {
            throw Error(member.Name, $"not a number of {length} bytes");
        }

        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        number[..length].CopyTo(report.AsSpan(at));
    }

    private static void Bytes(JsonProperty member, byte[] report, int at, int length)
    {
        if (member.Value.ValueKind != JsonValueKind.Array || member.Value.GetArrayLength() != length)
        {
            throw Error(member.Name, $"not an array of {length} bytes");
        }

        if (!JsonBytes.TryCopy(member.Value, report.AsSpan(at, length)))
        {
            throw Error(member.Name, "a member that is not a byte");
        }
    }

    private static EvidenceFormatException Unknown(string name, JsonProperty member) => Error(name, $"'{member.Name}' has no place in a report that is known here");

    private static EvidenceFormatException Error(string name, string problem) => new(name == Structure ? name : $"{Structure}.{name}", 0, problem);
}
