using Cloister.Attestation.Policies;

namespace Cloister.Attestation.Tests.Appraise;

public sealed class PolicyReaderTests
{
    [Theory]
    [InlineData(SamplePolicies.Sgx)]
    [InlineData(SamplePolicies.Tdx)]
    [InlineData(SamplePolicies.Snp)]
    [InlineData(SamplePolicies.Nitro)]
    public void Complete_policies_are_read(string yaml)
    {
        PolicyReadResult result = AppraisalPolicyReader.Read(yaml);
        Assert.True(result.IsValid, string.Join('\n', result.Errors));
        Assert.Equal("production", result.Policy.Name);
        Assert.Empty(result.Policy.Sections.Single().Missing);
    }

    [Fact]
    public void Policies_in_the_documentation_are_complete()
    {
        DirectoryInfo? repository = new(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Cloister.slnx")))
        {
            repository = repository.Parent;
        }

        Assert.SkipWhen(repository is null, "The tests do not run in the repository.");
        string text = File.ReadAllText(Path.Combine(repository!.FullName, "docs", "attestation.md"));
        string[] policies = [.. text.Split("```yaml\n").Skip(1).Select(part => part[..part.IndexOf("```", StringComparison.Ordinal)])];
        Assert.Equal(5, policies.Length);
        foreach (string yaml in policies)
        {
            PolicyReadResult result = AppraisalPolicyReader.Read(yaml);
            Assert.True(result.IsValid, string.Join('\n', result.Errors));
            Assert.Empty(result.Policy.Sections.Single().Missing);
        }
    }

    [Fact]
    public void All_errors_are_reported_at_once_with_line_numbers()
    {
        const string Yaml = """
            apiVersion: cloister.dev/v1
            kind: AppraisalPolicy
            metadata:
              name: x
              owner: me
            spec:
              sgx:
                debug: maybe
                enclave:
                  - mrsigner: "5252"
                  - mrsigner: "5252525252525252525252525252525252525252525252525252525252525252"
                mrenclave: any
                tcb:
                  statuses: [UpToDate, Revoked]
                  minDate: yesterday
                  minEvaluationDataNumber: -1
                platforms:
                  allow: []
                  block: any
                reportData: "00"
            """;
        PolicyReadResult result = AppraisalPolicyReader.Read(Yaml);
        Assert.False(result.IsValid);
        (long Line, string Path)[] found = [.. result.Errors.Select(e => (e.Line, e.Path))];
        foreach ((long line, string path) in ((long, string)[])
        [
            (1, "apiVersion"), (5, "metadata.owner"), (8, "spec.sgx.debug"), (10, "spec.sgx.enclave.mrsigner"), (11, "spec.sgx.enclave"), (12, "spec.sgx.mrenclave"),
            (14, "spec.sgx.tcb.statuses"), (15, "spec.sgx.tcb.minDate"), (16, "spec.sgx.tcb.minEvaluationDataNumber"), (18, "spec.sgx.platforms.allow"), (20, "spec.sgx.reportData"),
        ])
        {
            Assert.Contains((line, path), found);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("just text")]
    [InlineData("- a\n- b")]
    [InlineData("a: 1\na: 2")]
    [InlineData("a: &x 1\nb: *x")]
    [InlineData("a: !!binary aGk=")]
    [InlineData("a: 1\n---\nb: 2")]
    [InlineData("{")]
    [InlineData("a: \"\\q\"")]
    [InlineData("%YAML 9.9\n---\na: 1")]
    public void What_is_not_a_plain_document_is_refused(string yaml) => Assert.NotEmpty(AppraisalPolicyReader.Read(yaml).Errors);

    [Fact]
    public void Deep_and_long_texts_are_refused()
    {
        Assert.NotEmpty(AppraisalPolicyReader.Read(new string('[', 200_000)).Errors);
        Assert.NotEmpty(AppraisalPolicyReader.Read(new string('a', 2_000_000)).Errors);
        Assert.NotEmpty(AppraisalPolicyReader.Read(string.Concat(Enumerable.Range(0, 5000).Select(i => new string(' ', i % 200) + "a:\n"))).Errors);
    }

    [Fact]
    public void Every_byte_of_a_policy_can_be_wrong()
    {
        for (int i = 0; i < SamplePolicies.Sgx.Length; i += 3)
        {
            foreach (char wrong in "\0\t{[\"'*&!%\u2028")
            {
                AppraisalPolicyReader.Read(SamplePolicies.Sgx[..i] + wrong + SamplePolicies.Sgx[(i + 1)..]);
            }
        }
    }

    [Fact]
    public void Json_is_yaml() =>
        Assert.True(AppraisalPolicyReader.Read("""{"apiVersion":"cloister.dev/v1alpha1","kind":"AppraisalPolicy","metadata":{"name":"x"},"spec":{"nitro":{"debug":"refuse"}}}""").IsValid);

    [Theory]
    [InlineData("minTcb: {}", "spec.snp.minTcb", "names no product line")]
    [InlineData("minTcb: { Milan: {} }", "spec.snp.minTcb.Milan", "binds nothing")]
    [InlineData("minTcb: { Genoa: { snp: 3 }, Milan: {} }", "spec.snp.minTcb.Milan", "binds nothing")]
    [InlineData("mitigations: {}", "spec.snp.mitigations", "binds nothing")]
    [InlineData("mitigations: { require: 0 }", "spec.snp.mitigations", "binds nothing")]
    public void What_would_bind_nothing_is_an_error(string rule, string path, string problem)
    {
        PolicyReadResult result = AppraisalPolicyReader.Read($"apiVersion: cloister.dev/v1\nkind: AppraisalPolicy\nmetadata: {{ name: x }}\nspec:\n  snp:\n    {rule}\n");
        Assert.Contains(result.Errors, error => error.ToString().Contains(path, StringComparison.Ordinal) && error.ToString().Contains(problem, StringComparison.Ordinal));
    }
}
