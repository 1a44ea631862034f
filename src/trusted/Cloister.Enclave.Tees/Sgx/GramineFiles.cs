namespace Cloister.Enclave.Tees.Sgx;

/// <summary>Gramine's files. All of them belong to the whole process and bear one user at a time. Source: Gramine's documentation, "Attestation and Secret Provisioning". secrets: none.</summary>
internal static class GramineFiles
{
    internal const string Folder = "/dev/attestation";
    internal const string AttestationType = Folder + "/attestation_type";
    internal const string UserReportData = Folder + "/user_report_data";
    internal const string Quote = Folder + "/quote";
    internal const string MyTargetInfo = Folder + "/my_target_info";
    internal const string EnclaveKey = Folder + "/keys/_sgx_mrenclave";
    internal const string SignerKey = Folder + "/keys/_sgx_mrsigner";
}
