namespace Cloister.Tee.Tests.Support;

/// <summary>Policies that pin what the fake machines are and expect the binding.</summary>
internal static class Policies
{
    internal static readonly string Sgx = $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          sgx:
            debug: refuse
            enclave:
              - mrenclave: {{Hex(32, 0xE1)}}
            configid: any
            tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: any, minDate: any }
            platforms: { allow: any }
            reportData: expected
        """;

    internal static readonly string Snp = $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          snp:
            debug: refuse
            measurement: {{Hex(48, 0x5E)}}
            hostData: any
            idKeyDigest: any
            authorKeyDigest: any
            guestSvn: any
            vmpl: [0]
            guestPolicy: { require: [], allow: [smt], minAbi: "0.0" }
            platformInfo: { require: [], allow: [smt, tsme, ecc, rapl_dis, ct_hiding, alias_check, bit6] }
            products: [Milan]
            signingKeys: [vcek]
            minTcb:
              Milan: { bootloader: 2, tee: 0, snp: 5, microcode: 68 }
            firmware: { minVersion: "1.49.3", provisional: refuse }
            platforms: { allow: any }
            reportData: expected
        """;

    internal static readonly string Nitro = $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          nitro:
            debug: refuse
            pcrs: { 0: {{Hex(48, 1)}}, 1: any, 2: any, 3: any, 4: any, 8: any }
            userData: expected
            nonce: expected
            publicKey: expected
        """;

    internal static string Tdx(string mrConfigId) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          tdx:
            debug: refuse
            mrtd: {{Hex(48, 0x7D)}}
            rtmr0: any
            rtmr1: any
            rtmr2: any
            rtmr3: any
            mrconfigid: {{mrConfigId}}
            mrowner: any
            mrownerconfig: any
            tdattributes: ["0000001000000000"]
            xfam: [e702060000000000]
            tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: any, minDate: any }
            platforms: { allow: any }
            reportData: expected
        """;

    /// <summary>SEV-SNP with the configuration pinned.</summary>
    internal static string SnpBound(string hostData) => Snp.Replace("hostData: any", $"hostData: {hostData}", StringComparison.Ordinal);

    /// <summary>What a broker releases a KEK to: a policy of the above, one configuration, one root.</summary>
    /// <param name="name">Its name, which the audit log has.</param>
    /// <param name="appraisal">One of the policies above.</param>
    /// <param name="configDigest">SHA-384 of the configuration, hex.</param>
    /// <param name="root">PEM.</param>
    internal static string Release(string name, string appraisal, string configDigest, string root)
    {
        string section = appraisal[(appraisal.IndexOf("spec:\n", StringComparison.Ordinal) + "spec:\n".Length)..];
        return $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: ReleasePolicy
            metadata: { name: {{name}} }
            spec:
              appraisal:
            {{Indented(section, 2)}}
              configDigests: [{{configDigest}}]
              roots:
                - |
            {{Indented(root, 6)}}
              lease: { duration: 1h, grace: 0s, wraps: 100000, unwraps: 100000 }
            """;
    }

    private static string Indented(string text, int by) => string.Join('\n', text.TrimEnd().Split('\n').Select(line => new string(' ', by) + line));

    private static string Hex(int length, byte value) => '"' + Convert.ToHexStringLower(Sample.Bytes(length, value)) + '"';
}
