using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Report and certificate name the same product line: the report by its CPUID (from version 3 on), the certificate by its product
/// name, its issuer and its set of extensions. The product line decides how a TCB_VERSION is laid out, so it must be settled first.
/// </summary>
internal sealed class SnpProductStep() : VerificationStep<SnpVerification>("product", "AMD 56860, table 23 (CPUID_FAM_ID, CPUID_MOD_ID); AMD 57230, product names and certificate extensions")
{
    public override StepFailure? Check(SnpVerification context)
    {
        SnpVekExtensions extensions = context.Extensions;
        if (context.Report.Processor is { ProductLine: null } unknown)
        {
            string name = SnpProduct.Of(unknown) is { } named ? $"{named.Name}, " : "";
            return SnpProduct.IsNewer(unknown)
                ? Fail("newer_product", $"the report is of a processor of family {unknown.Family:x}h model {unknown.Model:x}h: {name}newer than this verifier knows")
                : Fail("unknown_product", $"the report is of a processor of family {unknown.Family:x}h model {unknown.Model:x}h, which is not known");
        }

        if (extensions.ProductLine is not { } product)
        {
            return Fail("unknown_product", $"the certificate is for the product '{extensions.ProductName}'");
        }

        if (context.Report.Processor is { } processor && processor.ProductLine != product)
        {
            return Fail("product_mismatch", $"the report is of a processor of family {processor.Family:x}h model {processor.Model:x}h, the certificate for '{extensions.ProductName}'");
        }

        bool hasFmc = SnpProduct.Of(product).HasFmc;
        if (hasFmc != extensions.Fmc.HasValue)
        {
            return Fail("product_mismatch", $"a certificate for '{extensions.ProductName}' {(hasFmc ? "without" : "with")} an FMC level");
        }

        context.Product = product;
        return null;
    }
}
