namespace Cloister.Attestation.Claims;

/// <summary>Names of the claims that appraisal policies refer to. Evidence may yield more; those are shown only.</summary>
public static class ClaimNames
{
    /// <summary>64 bytes that the attester chose (SGX, TDX, SNP).</summary>
    public const string ReportData = "report_data";

    /// <summary>SGX: measurement of the enclave, 32 bytes.</summary>
    public const string MrEnclave = "mrenclave";

    /// <summary>SGX: digest of the key that signed the enclave, 32 bytes.</summary>
    public const string MrSigner = "mrsigner";

    /// <summary>SGX: product, a number.</summary>
    public const string IsvProdId = "isvprodid";

    /// <summary>SGX: security version, a number.</summary>
    public const string IsvSvn = "isvsvn";

    /// <summary>SGX: configuration identity, 64 bytes.</summary>
    public const string ConfigId = "configid";

    /// <summary>SGX: attributes, 16 bytes as in the report (flags then XFRM).</summary>
    public const string Attributes = "attributes";

    /// <summary>TDX: measurement of the initial contents, 48 bytes.</summary>
    public const string MrTd = "mrtd";

    /// <summary>TDX: configuration identity, 48 bytes.</summary>
    public const string MrConfigId = "mrconfigid";

    /// <summary>TDX: owner, 48 bytes.</summary>
    public const string MrOwner = "mrowner";

    /// <summary>TDX: the owner's configuration, 48 bytes.</summary>
    public const string MrOwnerConfig = "mrownerconfig";

    /// <summary>TDX: runtime registers, 48 bytes each: <c>rtmr0</c> to <c>rtmr3</c>.</summary>
    public const string RtmrPrefix = "rtmr";

    /// <summary>TDX: attributes of the trust domain, 8 bytes as in the report.</summary>
    public const string TdAttributes = "tdattributes";

    /// <summary>TDX: extended features, 8 bytes as in the report.</summary>
    public const string Xfam = "xfam";

    /// <summary>TDX: measurement of the module, 48 bytes.</summary>
    public const string MrSeam = "mrseam";

    /// <summary>TDX, report 1.5: service trust domains bound to this one, 48 bytes.</summary>
    public const string MrServiceTd = "mrservicetd";

    /// <summary>SGX, TDX: serial identity of the platform, 16 bytes.</summary>
    public const string Ppid = "ppid";

    /// <summary>SGX, TDX: identity of a multi-package platform, 16 bytes.</summary>
    public const string PlatformInstanceId = "platform_instance_id";

    /// <summary>SGX, TDX: family, model, stepping, platform and custom SKU, 6 bytes.</summary>
    public const string Fmspc = "fmspc";

    /// <summary>SGX, TDX: number of the collateral's evaluation, a number.</summary>
    public const string TcbEvaluationDataNumber = "tcb_evaluation_data_number";

    /// <summary>SGX, TDX: number of the QE identity's evaluation, a number.</summary>
    public const string QeTcbEvaluationDataNumber = "qe_tcb_evaluation_data_number";

    /// <summary>SNP: measurement of the launch, 48 bytes.</summary>
    public const string Measurement = "measurement";

    /// <summary>SNP: what the host gave at launch, 32 bytes.</summary>
    public const string HostData = "host_data";

    /// <summary>SNP: digest of the identity key, 48 bytes.</summary>
    public const string IdKeyDigest = "id_key_digest";

    /// <summary>SNP: digest of the author key, 48 bytes.</summary>
    public const string AuthorKeyDigest = "author_key_digest";

    /// <summary>SNP: family of the guest, 16 bytes.</summary>
    public const string FamilyId = "family_id";

    /// <summary>SNP: image of the guest, 16 bytes.</summary>
    public const string ImageId = "image_id";

    /// <summary>SNP: identity of the chip, 64 bytes.</summary>
    public const string ChipId = "chip_id";

    /// <summary>SNP: privilege level that asked, a number.</summary>
    public const string Vmpl = "vmpl";

    /// <summary>SNP: guest policy, a number (its bits).</summary>
    public const string GuestPolicy = "policy";

    /// <summary>SNP: security version of the guest, a number.</summary>
    public const string GuestSvn = "guest_svn";

    /// <summary>SNP: platform information, a number (its bits).</summary>
    public const string PlatformInfo = "platform_info";

    /// <summary>SNP: product line, text: <c>Milan</c>, <c>Genoa</c> or <c>Turin</c>.</summary>
    public const string Product = "product";

    /// <summary>SNP: what signed the report, text: <c>vcek</c> or <c>vlek</c>.</summary>
    public const string SigningKey = "signing_key";

    /// <summary>
    /// SNP: prefixes of TCB components, numbers: <c>reported_tcb_</c>, <c>committed_tcb_</c>, <c>current_tcb_</c>, <c>launch_tcb_</c>,
    /// followed by <c>bootloader</c>, <c>tee</c>, <c>snp</c>, <c>microcode</c> and on Turin <c>fmc</c>.
    /// </summary>
    public const string ReportedTcbPrefix = "reported_tcb_";

    /// <summary>As <see cref="ReportedTcbPrefix"/>.</summary>
    public const string CommittedTcbPrefix = "committed_tcb_";

    /// <summary>As <see cref="ReportedTcbPrefix"/>.</summary>
    public const string CurrentTcbPrefix = "current_tcb_";

    /// <summary>As <see cref="ReportedTcbPrefix"/>.</summary>
    public const string LaunchTcbPrefix = "launch_tcb_";

    /// <summary>SNP: firmware, text as <c>major.minor.build</c> (current).</summary>
    public const string CurrentVersion = "current_version";

    /// <summary>SNP: firmware, text as <c>major.minor.build</c> (committed).</summary>
    public const string CommittedVersion = "committed_version";

    /// <summary>SNP, version 5: mitigations at launch, a number (its bits).</summary>
    public const string LaunchMitigationVector = "launch_mitigation_vector";

    /// <summary>SNP, version 5: mitigations now, a number (its bits).</summary>
    public const string CurrentMitigationVector = "current_mitigation_vector";

    /// <summary>Azure: what the vTPM was given to sign along with its registers.</summary>
    public const string QualifyingData = "qualifying_data";

    /// <summary>Azure: prefix of the VM's configuration, such as <c>vm_secure_boot</c> and <c>vm_unique_id</c>.</summary>
    public const string VmPrefix = "vm_";

    /// <summary>Azure: whether Secure Boot is on, a flag.</summary>
    public const string VmSecureBoot = "vm_secure_boot";

    /// <summary>Azure: identity of the VM, text.</summary>
    public const string VmUniqueId = "vm_unique_id";

    /// <summary>Registers: Nitro's, 48 bytes each, and those of Azure's vTPM, 32 bytes each: <c>pcr0</c> and so on.</summary>
    public const string PcrPrefix = "pcr";

    /// <summary>Nitro: the attester's data, absent when it gave none. Azure: 64 bytes that the guest gave its paravisor.</summary>
    public const string UserData = "user_data";

    /// <summary>Nitro: the relying party's nonce, absent when it gave none.</summary>
    public const string Nonce = "nonce";

    /// <summary>Nitro: the attester's key, absent when it gave none.</summary>
    public const string PublicKey = "public_key";

    /// <summary>Nitro: module identity, text.</summary>
    public const string ModuleId = "module_id";

    /// <summary>Nitro: milliseconds since 1970, a number.</summary>
    public const string Timestamp = "timestamp";
}
