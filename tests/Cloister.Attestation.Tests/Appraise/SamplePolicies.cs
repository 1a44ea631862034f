namespace Cloister.Attestation.Tests.Appraise;

/// <summary>Policies that the tests vary.</summary>
internal static class SamplePolicies
{
    public const string Sgx = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata:
          name: production
        spec:
          sgx:
            debug: refuse
            enclave:
              - mrenclave: e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1
              - mrsigner: "5252525252525252525252525252525252525252525252525252525252525252"
                isvprodid: 7
                minIsvsvn: 3
            configid: any
            tcb:
              statuses: [UpToDate, SWHardeningNeeded]
              advisories: [INTEL-SA-00001]
              minEvaluationDataNumber: 18
              minDate: 2024-03-13
            platforms:
              allow: any
            reportData: any
        """;

    public const string Tdx = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          tdx:
            debug: refuse
            mrtd: 7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d
            rtmr0: any
            rtmr1: any
            rtmr2: any
            rtmr3: any
            mrconfigid: expected
            mrowner: any
            mrownerconfig: any
            tdattributes: ["0000001000000000"]
            xfam: [e702060000000000]
            tcb:
              statuses: [UpToDate]
              advisories: []
              minEvaluationDataNumber: any
              minDate: any
            platforms:
              allow:
                - ppid: 70700102030405060708090a0b0c0d0e
              block:
                - platformInstanceId: ffffffffffffffffffffffffffffffff
            reportData: expected
        """;

    public const string Snp = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          snp:
            debug: refuse
            measurement: any
            hostData: any
            idKeyDigest: any
            authorKeyDigest: any
            guestSvn: any
            vmpl: [0]
            guestPolicy:
              require: []
              allow: [smt, migrate_ma, single_socket]
              minAbi: "0.0"
            platformInfo:
              require: []
              allow: [smt, tsme, ecc, rapl_dis, ct_hiding, alias_check, bit6]
            products: [Milan, Genoa, Turin]
            signingKeys: [vcek]
            minTcb:
              Milan: { bootloader: 2, tee: 0, snp: 5, microcode: 68 }
              Genoa: { bootloader: 7, tee: 0, snp: 14, microcode: 62 }
              Turin: { fmc: 1, bootloader: 1, tee: 0, snp: 1, microcode: 1 }
            firmware:
              minVersion: "1.49.3"
              provisional: refuse
            platforms:
              allow: any
            reportData: any
        """;

    public const string Nitro = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: production }
        spec:
          nitro:
            debug: refuse
            pcrs: { 0: any, 1: any, 2: any, 3: any, 4: any, 8: any }
            userData: any
            nonce: any
            publicKey: any
        """;
}
